// A stand-in for supervisord that is as fast as a listener can be: runs the command, hands it COUNT notifications,
// each as soon as the one before is answered, and tells on standard output how many nanoseconds that took.
//   feeder WARM COUNT COMMAND…
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static char seen[4096];
static size_t held;

// Takes exactly this text from the listener.
static int expect(int fd, const char *text) {
    size_t length = strlen(text);
    while (held < length) {
        ssize_t count = read(fd, seen + held, sizeof seen - held);
        if (count <= 0) return 0;
        held += (size_t)count;
    }
    if (memcmp(seen, text, length) != 0) return 0;
    memmove(seen, seen + length, held -= length);
    return 1;
}

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(int argc, char **argv) {
    if (argc < 4) return 64;
    long warm = atol(argv[1]), count = atol(argv[2]);
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) return 1;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    pid_t pid;
    if (posix_spawnp(&pid, argv[3], &actions, NULL, argv + 3, environ) != 0) return 127;
    close(in[0]);
    close(out[1]);
    static const char *states[] = {"STARTING", "RUNNING", "STOPPING", "STOPPED"};
    static const char *froms[] = {"STOPPED", "STARTING", "RUNNING", "STOPPING"};
    long long began = now();
    if (!expect(out[0], "READY\n")) return 65;
    for (long serial = 0; serial < warm + count; serial++) {
        if (serial == warm) began = now();
        char payload[256], message[1024];
        const char *last = serial % 4 == 0 ? "tries:0" : "pid:31773";
        int size = snprintf(payload, sizeof payload, "processname:worker-%ld groupname:workers from_state:%s %s",
                            serial / 4 % 50, froms[serial % 4], last);
        int length = snprintf(message, sizeof message,
                              "ver:3.0 server:supervisor serial:%ld pool:fouet poolserial:%ld "
                              "eventname:PROCESS_STATE_%s len:%d\n%s",
                              serial, serial, states[serial % 4], size, payload);
        if (write(in[1], message, (size_t)length) != length) return 74;
        if (!expect(out[0], "RESULT 2\nOKREADY\n")) return 65;
    }
    printf("%lld\n", now() - began);
    close(in[1]);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    return 0;
}
