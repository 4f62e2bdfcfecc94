// Starts Moustash's own node on any Linux base, whatever its loader, libraries and environment are.
//
// One static program per tool, without a C library: nothing of the image that it lies in can reach it. It moves every
// variable that could change node or its C library out of the way, by putting STASH before its name, and executes node
// from the fixed prefix. A command that PanPan wraps gets them back untouched (src/run.ts). The daemons' C library is
// told to keep little memory (images/launcher/environment).
//
// Build: cc -DTOOL='"cuir"' -DNODE_FLAGS='"--flag","--flag",' -DENVIRONMENT='"NAME=value",' -static -nostdlib … (see
// images/assemble).

#define PREFIX "/opt/moustash"
#define NODE PREFIX "/libexec/node"
#define START PREFIX "/lib/start.cjs"
#define STASH "MOUSTASH_STASHED_"

// What is stashed: names that end in "=" are whole, the others are prefixes.
static const char *const stashed[] = {
    "LD_",            // the loader: foreign libraries before or instead of ours
    "NODE_",          // node: options, required modules, certificates, a parent's IPC channel
    "GLIBC_TUNABLES=", "MALLOC_",  // the C library's allocator and internals
    "GCONV_PATH=", "LOCPATH=", "NLSPATH=",  // its modules and locales, made for another version of it
    "OPENSSL_",       // configuration, engines and modules of another OpenSSL
    "UV_",            // libuv: io_uring, size of the thread pool
    "ICU_",           // Unicode data of another version
    "DEBUG=",         // npm's debug: ioredis would print its commands, passwords among them
    STASH,            // ours already (a tool started by a tool): comes back as it was
};

typedef unsigned long word;

#if defined(__x86_64__)
enum { SYS_write = 1, SYS_execve = 59, SYS_exit = 60 };
static long syscall3(long number, word a, word b, word c) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}
__asm__(".global _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call start\n");
#elif defined(__aarch64__)
enum { SYS_write = 64, SYS_execve = 221, SYS_exit = 93 };
static long syscall3(long number, word a, word b, word c) {
    register long x8 __asm__("x8") = number;
    register word x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return (long)x0;
}
__asm__(".global _start\n_start: mov x29, #0\n mov x0, sp\n bl start\n");
#else
#error "Moustash's launcher knows x86-64 and arm64"
#endif

static word length(const char *text) {
    word size = 0;
    while (text[size]) size++;
    return size;
}

static char *append(char *end, const char *text) {
    while (*text) *end++ = *text++;
    *end = 0;
    return end;
}

static int starts(const char *text, const char *prefix) {
    while (*prefix)
        if (*text++ != *prefix++) return 0;
    return 1;
}

static int isStashed(const char *variable) {
    for (word i = 0; i < sizeof stashed / sizeof *stashed; i++)
        if (starts(variable, stashed[i])) return 1;
    return 0;
}

static void say(const char *text) { syscall3(SYS_write, 2, (word)text, length(text)); }

// Says why node did not start and what to do; 127 where a file is missing, 126 otherwise, as shells do.
static int explain(long error) {
    say("moustash: cannot start " NODE ": ");
    switch (error) {
    case -2:  // ENOENT, also for its loader
        say("it or its loader is missing; copy the whole of " PREFIX ", to that same place\n");
        return 127;
    case -8:  // ENOEXEC
        say("it is made for another CPU; take the image for this platform (docker build --platform)\n");
        return 126;
    case -13:  // EACCES
        say("permission denied; is " PREFIX " readable and mounted without noexec?\n");
        return 126;
    case -7:  // E2BIG
        say("arguments and environment are too long\n");
        return 126;
    case -12:  // ENOMEM
        say("not enough memory\n");
        return 126;
    default: {
        char number[] = "error 000\n";
        for (int i = 8; i > 5; i--, error /= 10) number[i] = (char)('0' + -error % 10);
        say(number);
        return 126;
    }
    }
}

// The kernel's stack: argc, the arguments, a null, the environment, a null.
__attribute__((noreturn, used)) void start(word *stack) {
    word argc = stack[0];
    char **argv = (char **)(stack + 1);
    char **envp = argv + argc + 1;

    static const char *const ours[] = {TOOL, NODE_FLAGS START, TOOL};
    enum { OURS = sizeof ours / sizeof *ours };
    static const char *const given[] = {ENVIRONMENT 0};
    enum { GIVEN = sizeof given / sizeof *given };

    // Without a C library there is no heap: everything is sized first, and lies on our stack.
    word variables = 0, bytes = 1;
    for (; envp[variables]; variables++)
        if (isStashed(envp[variables])) bytes += sizeof STASH + length(envp[variables]);

    const char *arguments[OURS + argc + 1];
    word count = 0;
    for (; count < OURS; count++) arguments[count] = ours[count];
    for (word i = 1; i < argc; i++) arguments[count++] = argv[i];
    arguments[count] = 0;

    const char *environment[variables + GIVEN];
    char names[bytes], *end = names;
    for (word i = 0; i < variables; i++) {
        environment[i] = envp[i];
        if (!isStashed(envp[i])) continue;
        environment[i] = end;
        end = append(append(end, STASH), envp[i]) + 1;
    }
    // With the null that ends them.
    for (word i = 0; i < GIVEN; i++) environment[variables + i] = given[i];

    long error = syscall3(SYS_execve, (word)NODE, (word)arguments, (word)environment);
    syscall3(SYS_exit, (word)explain(error), 0, 0);
    __builtin_unreachable();
}
