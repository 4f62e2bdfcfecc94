// The peer of Fouet: a supervisord event listener that makes the same kind of event and does one synchronous RPUSH
// with hiredis for each notification before it says OK.
//   listener PORT KEY
#define _GNU_SOURCE
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *value(const char *text, const char *key, char *into, size_t size) {
    const char *found = strstr(text, key);
    size_t length = 0;
    if (found)
        for (found += strlen(key); found[length] && found[length] != ' ' && found[length] != '\n'; length++)
            if (length + 1 < size) into[length] = found[length];
    into[length < size ? length : size - 1] = 0;
    return into;
}

int main(int argc, char **argv) {
    if (argc < 3) return 64;
    redisContext *redis = redisConnect("127.0.0.1", atoi(argv[1]));
    if (!redis || redis->err) return 69;
    char header[4096], payload[65536], event[8192];
    char name[128], pool[128], process[256], group[256], from[64], serial[32];
    long long seq = 0;
    for (;;) {
        if (write(1, "READY\n", 6) != 6) return 1;
        if (!fgets(header, sizeof header, stdin)) return 0;
        size_t length = (size_t)atoi(value(header, "len:", name, sizeof name));
        if (length >= sizeof payload || fread(payload, 1, length, stdin) != length) return 65;
        payload[length] = 0;
        value(header, "eventname:", name, sizeof name);
        value(header, "pool:", pool, sizeof pool);
        value(header, " serial:", serial, sizeof serial);
        value(payload, "processname:", process, sizeof process);
        value(payload, "groupname:", group, sizeof group);
        value(payload, "from_state:", from, sizeof from);
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        struct tm utc;
        gmtime_r(&now.tv_sec, &utc);
        char at[64];
        strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S", &utc);
        int size = snprintf(
            event, sizeof event,
            "{\"@timestamp\":\"%s.%03ldZ\",\"@version\":1,\"message\":\"%s\",\"host\":\"bench\",\"type\":\"fouet\","
            "\"program\":\"%s\",\"source\":\"%s\",\"tags\":[\"fouet\",\"%s\",\"%s\"],\"fouet\":{\"summary\":\"%s %s\","
            "\"group\":\"%s\",\"from\":\"%s\",\"serial\":%s},\"moustash\":{\"schema\":1,\"id\":\"%s-%s\",\"run\":\"c\","
            "\"seq\":%lld,\"notify\":false,\"version\":\"1.0.0\"}}",
            at, now.tv_nsec / 1000000, name, process, pool, process, name, process, name, group, from, serial, process,
            serial, ++seq);
        redisReply *reply = redisCommand(redis, "RPUSH %s %b", argv[2], event, (size_t)size);
        if (!reply || reply->type == REDIS_REPLY_ERROR) return 69;
        freeReplyObject(reply);
        if (write(1, "RESULT 2\nOK", 11) != 11) return 1;
    }
}
