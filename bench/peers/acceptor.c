// What is probed: accepts connections at 127.0.0.1:PORT and closes each when its client does; says "ready".
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 2) return 64;
    int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    if (bind(server, (struct sockaddr *)&address, sizeof address) != 0 || listen(server, 4096) != 0) {
        perror("listen");
        return 1;
    }
    int queue = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = server}, events[256];
    epoll_ctl(queue, EPOLL_CTL_ADD, server, &event);
    puts("ready");
    fflush(stdout);
    for (;;) {
        int count = epoll_wait(queue, events, 256, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd != server) {
                char bytes[256];
                if (read(fd, bytes, sizeof bytes) <= 0) close(fd);
                continue;
            }
            for (int client; (client = accept4(server, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
                event.data.fd = client;
                epoll_ctl(queue, EPOLL_CTL_ADD, client, &event);
            }
        }
    }
}
