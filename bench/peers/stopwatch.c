// Runs a command and tells on descriptor 3 how long it took: wall time, CPU time (kernel time and its children's
// included), and the monotonic moment at which it ended, all in nanoseconds; then its exit code.
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static long long nanoseconds(struct timeval time) { return time.tv_sec * 1000000000LL + time.tv_usec * 1000LL; }

int main(int argc, char **argv) {
    if (argc < 2) return 64;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addclose(&actions, 3);
    pid_t pid;
    int status;
    struct rusage usage;
    long long began = now();
    if (posix_spawnp(&pid, argv[1], &actions, NULL, argv + 1, environ) != 0) return 127;
    if (wait4(pid, &status, 0, &usage) != pid) return 1;
    long long ended = now();
    long long cpu = nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    dprintf(3, "%lld %lld %lld %d\n", ended - began, cpu, ended, code);
    return 0;
}
