/* The far side of many calls on one UDP port: receives, judges pacing by kernel time stamps, and
 * with "send" answers each stream with 50 packets a second. Prints one JSON object at the end.
 *
 *   rtp_peer PORT SECONDS silent|send [HOST FIRST_PORT COUNT]
 *
 * Streams are told apart by their source address. With a host, COUNT streams to every second port
 * are opened at once instead of waiting for their first packet. SECONDS run from the first packet;
 * SIGTERM ends them early. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MAX_STREAMS 4096
#define BATCH 64
#define PACKET 2048
#define TICK_NS 20000000LL
#define PHASES 4
#define OPENED 16 /* streams that begin to be answered in each phase: a thousand in 0.3 s, not at once */
#define BINS 100000

struct stream {
    struct sockaddr_in address;
    int64_t last_ns, max_gap_ns;
    uint32_t first_seq, last_seq, received, cycles;
    uint16_t out_seq;
    uint32_t out_timestamp;
};

static struct stream streams[MAX_STREAMS];
static int by_port[65536];
static int count, answered;
static uint32_t deviation[BINS]; /* in 10 microseconds */
static uint64_t deltas, sent;

static int64_t now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static struct stream *stream_of(const struct sockaddr_in *address) {
    int *slot = &by_port[ntohs(address->sin_port)];
    if (*slot == 0) {
        if (count == MAX_STREAMS) return NULL;
        streams[count].address = *address;
        *slot = ++count;
    }
    return &streams[*slot - 1];
}

static void receive(const struct sockaddr_in *from, const uint8_t *data, int size, int64_t at) {
    if (size < 12 || (data[0] >> 6) != 2) return;
    if (data[1] >= 200 && data[1] <= 207) return; /* RTCP */
    struct stream *s = stream_of(from);
    if (!s) return;
    uint16_t seq = (uint16_t)(data[2] << 8 | data[3]);
    if (s->received++ == 0) {
        s->first_seq = s->last_seq = seq;
    } else {
        int64_t gap = at - s->last_ns;
        int64_t off = llabs(gap - TICK_NS) / 10000;
        deviation[off < BINS ? off : BINS - 1]++;
        deltas++;
        if (gap > s->max_gap_ns) s->max_gap_ns = gap;
        if (seq < (s->last_seq & 0xFFFF) && (s->last_seq & 0xFFFF) - seq > 0x8000) s->cycles += 65536;
        s->last_seq = seq + s->cycles;
    }
    s->last_ns = at;
}

static void drain(int fd) {
    static uint8_t data[BATCH][PACKET];
    static struct sockaddr_in from[BATCH];
    static char control[BATCH][64];
    struct iovec vectors[BATCH];
    struct mmsghdr messages[BATCH];
    for (;;) {
        memset(messages, 0, sizeof messages);
        for (int i = 0; i < BATCH; i++) {
            vectors[i] = (struct iovec){data[i], PACKET};
            messages[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_namelen = sizeof from[i],
                .msg_iov = &vectors[i], .msg_iovlen = 1, .msg_control = control[i], .msg_controllen = 64};
        }
        int n = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
        if (n <= 0) return;
        for (int i = 0; i < n; i++) {
            int64_t at = 0;
            struct cmsghdr *c = CMSG_FIRSTHDR(&messages[i].msg_hdr);
            if (c && c->cmsg_type == SO_TIMESTAMPNS) {
                struct timespec *t = (struct timespec *)CMSG_DATA(c);
                at = t->tv_sec * 1000000000LL + t->tv_nsec;
            } else at = now_ns(CLOCK_REALTIME);
            receive(&from[i], data[i], (int)messages[i].msg_len, at);
        }
    }
}

static void send_phase(int fd, int phase) {
    static uint8_t packets[BATCH][172];
    struct iovec vectors[BATCH];
    struct mmsghdr messages[BATCH];
    int filled = 0;
    for (int i = phase; i < answered; i += PHASES) {
        struct stream *s = &streams[i];
        uint8_t *p = packets[filled];
        s->out_seq++;
        s->out_timestamp += 160;
        p[0] = 0x80; p[1] = 0;
        p[2] = s->out_seq >> 8; p[3] = s->out_seq & 255;
        p[4] = s->out_timestamp >> 24; p[5] = s->out_timestamp >> 16; p[6] = s->out_timestamp >> 8; p[7] = s->out_timestamp;
        p[8] = 0x42; p[9] = 0; p[10] = i >> 8; p[11] = i & 255;
        for (int k = 0; k < 160; k++) p[12 + k] = (uint8_t)(0x90 + ((k + i) & 31));
        vectors[filled] = (struct iovec){p, 172};
        memset(&messages[filled], 0, sizeof messages[0]);
        messages[filled].msg_hdr.msg_name = &s->address;
        messages[filled].msg_hdr.msg_namelen = sizeof s->address;
        messages[filled].msg_hdr.msg_iov = &vectors[filled];
        messages[filled].msg_hdr.msg_iovlen = 1;
        sent++;
        if (++filled == BATCH) {
            sendmmsg(fd, messages, filled, 0);
            filled = 0;
        }
    }
    if (filled) sendmmsg(fd, messages, filled, 0);
}

static volatile sig_atomic_t stopped;

static void stop(int signal) { (void)signal; stopped = 1; }

static double percentile_ms(double share) {
    uint64_t want = (uint64_t)(share * deltas), seen = 0;
    for (int i = 0; i < BINS; i++)
        if ((seen += deviation[i]) > want) return i / 100.0;
    return BINS / 100.0;
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1, size = 8 << 20;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) { perror("bind"); return 1; }
    /* A judge that is kept waiting loses packets and sends late: above what it judges, if it may. */
    struct sched_param above = {.sched_priority = 2};
    sched_setscheduler(0, SCHED_RR, &above);
    double seconds = atof(argv[2]);
    int sending = strcmp(argv[3], "send") == 0;
    for (int i = 0; argc > 6 && i < atoi(argv[6]); i++) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[5]) + 2 * i)};
        inet_pton(AF_INET, argv[4], &to.sin_addr);
        stream_of(&to);
    }
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec every = {{0, TICK_NS / PHASES}, {0, TICK_NS / PHASES}};
    timerfd_settime(timer, 0, &every, NULL);
    struct pollfd polled[2] = {{fd, POLLIN, 0}, {timer, POLLIN, 0}};
    int64_t until = 0, give_up = now_ns(CLOCK_MONOTONIC) + 60000000000LL;
    signal(SIGTERM, stop);
    printf("ready\n");
    fflush(stdout);
    for (int phase = 0;;) {
        poll(polled, 2, 1000);
        if (polled[0].revents) drain(fd);
        int64_t now = now_ns(CLOCK_MONOTONIC);
        if (!until && (count > 0)) until = now + (int64_t)(seconds * 1e9);
        if (stopped || (until && now >= until) || (!until && now >= give_up)) break;
        uint64_t ticks;
        if (polled[1].revents && read(timer, &ticks, sizeof ticks) == sizeof ticks && sending)
            for (; ticks > 0; ticks--) {
                answered = answered + OPENED < count ? answered + OPENED : count;
                send_phase(fd, phase);
                phase = (phase + 1) % PHASES;
            }
    }
    uint64_t received = 0, expected = 0;
    int64_t gap = 0;
    for (int i = 0; i < count; i++) {
        if (!streams[i].received) continue;
        received += streams[i].received;
        expected += streams[i].last_seq - streams[i].first_seq + 1;
        if (streams[i].max_gap_ns > gap) gap = streams[i].max_gap_ns;
    }
    printf("{\"streams\": %d, \"received\": %lu, \"expected\": %lu, \"sent\": %lu, \"p50_ms\": %.2f, "
           "\"p99_ms\": %.2f, \"max_gap_ms\": %.2f}\n", count, received, expected, sent,
           percentile_ms(0.5), percentile_ms(0.99), gap / 1e6);
    return 0;
}
