/* The peer of bench_call: a bare C echo over a unix socket, frames of the same
 * size, one thread a connection.
 *   bench_echo serve SOCKET            serves until it is killed; says "ready"
 *   bench_echo call SOCKET CALLS OUT IN   bytes of request and answer
 * "call" prints the same line as bench_call, without allocations. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { LARGEST = 1 << 16 };

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int whole(int fd, char *buffer, size_t n)
{
    size_t at = 0;
    while (at < n) {
        ssize_t got = read(fd, buffer + at, n - at);
        if (got <= 0)
            return -1;
        at += (size_t)got;
    }
    return 0;
}

/* A request is: its length, the length of the answer, bytes. */
static void *serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char *buffer = malloc(LARGEST);
    uint32_t head[2];
    while (buffer != NULL && whole(fd, (char *)head, sizeof head) == 0) {
        if (head[0] > LARGEST || head[1] > LARGEST || whole(fd, buffer, head[0]) != 0 ||
            write(fd, buffer, head[1]) != (ssize_t)head[1])
            break;
    }
    free(buffer);
    close(fd);
    return NULL;
}

static int order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int call(int fd, int calls, uint32_t out, uint32_t in)
{
    char *buffer = calloc(1, LARGEST);
    int64_t *took = malloc((size_t)calls * sizeof *took), total = now_ns();
    uint32_t head[2] = {0, in};
    int i;
    if (buffer == NULL || took == NULL || out < sizeof head || out > LARGEST || in > LARGEST)
        return 1;
    head[0] = out - (uint32_t)sizeof head;
    memcpy(buffer, head, sizeof head);
    for (i = 0; i < calls; i++) {
        int64_t from = now_ns();
        if (write(fd, buffer, out) != (ssize_t)out || whole(fd, buffer + sizeof head, in < LARGEST - 8 ? in : LARGEST - 8) != 0)
            return 1;
        took[i] = now_ns() - from;
    }
    total = now_ns() - total;
    qsort(took, (size_t)calls, sizeof *took, order);
    printf("%d %lld %lld %lld\n", calls, (long long)total, (long long)took[calls / 2],
           (long long)took[(size_t)calls * 99 / 100]);
    return 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_un a;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memset(&a, 0, sizeof a);
    a.sun_family = AF_UNIX;
    if (argc < 3 || fd < 0 || strlen(argv[2]) >= sizeof a.sun_path)
        return 2;
    memcpy(a.sun_path, argv[2], strlen(argv[2]));
    if (strcmp(argv[1], "call") == 0 && argc == 6) {
        if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0 || atoi(argv[3]) <= 0)
            return 2;
        return call(fd, atoi(argv[3]), (uint32_t)atoi(argv[4]), (uint32_t)atoi(argv[5]));
    }
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 128) != 0)
        return 2;
    puts("ready");
    fflush(stdout);
    for (;;) {
        pthread_t t;
        int peer = accept(fd, NULL, NULL);
        if (peer < 0)
            return 0;
        if (pthread_create(&t, NULL, serve, (void *)(intptr_t)peer) != 0)
            close(peer);
        else
            pthread_detach(t);
    }
}
