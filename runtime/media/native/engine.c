/* The busiest loops of the audio engine, for machines that had a C compiler at installation.
 *
 * Four functions, each called a few times per 20 ms frame for all legs together:
 *
 *   callstage_receive   epoll, and one packet of each readable socket into rows
 *   callstage_follow    take packets that are just what their legs expect: count, decode, place
 *   callstage_encode    G.711 of what the legs hear, and the numbers of their headers
 *   callstage_send      the packets of one step of the frame
 *
 * Each does what a numpy or Python function of runtime/media does, octet for octet and bit for bit
 * (tests/media/native); those are the reference, say why, and do the work where this file was not
 * compiled. Everything that is not the usual case is left to them.
 *
 * All memory belongs to Python (library.py and its users describe it in the structs below). Numbers
 * found in it are checked again here before they are used as an index or a length, whoever
 * promised them: no packet and no column can make these functions touch anything else. A function
 * whose struct makes no sense returns BAD_STRUCT and does nothing. */

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define HEADER 12           /* octets of an RTP header without options, RFC 3550 5.1 */
#define FRAME 160           /* samples, and octets of G.711, in 20 ms */
#define RATE_HZ 8000
#define ADDRESS_MAX 28      /* a sockaddr_in6 */
#define DATAGRAM_MAX 65507
#define BAD_STRUCT (-1)

/* The digest of this file, so that a library of another version is never used. */
#ifndef SOURCE_DIGEST
#define SOURCE_DIGEST ""
#endif
const char callstage_source[65] = SOURCE_DIGEST;

/* ---- receiving ------------------------------------------------------------------------------ */

struct inbox {
    int64_t struct_size;
    int32_t epoll;
    int32_t descriptors;       /* length of leg_of */
    const int32_t *leg_of;     /* by descriptor: the leg whose connected RTP socket it is, or -1 */
    uint8_t *rows;             /* capacity rows of row_size octets */
    int64_t row_size, capacity;
    int64_t *lengths, *legs;   /* capacity of each: one entry per row in use */
    double *times;
    int64_t count;             /* rows in use */
    int32_t *others;           /* capacity: readable descriptors that are not a leg's */
    int64_t others_count;
    int64_t refused;           /* reads that failed because nobody listens at the peer's port */
    struct epoll_event *events; /* scratch */
    int64_t events_size;       /* octets */
};

static double monotonic(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void receive_one(struct inbox *in, int32_t fd, int64_t leg, double now) {
    if (in->count >= in->capacity) return;
    int64_t row = in->count;
    ssize_t length = recv(fd, in->rows + row * in->row_size, (size_t)in->row_size, MSG_DONTWAIT);
    if (length < 0) {
        in->refused += errno == ECONNREFUSED;
        return;
    }
    in->lengths[row] = length;
    in->legs[row] = leg;
    in->times[row] = now;
    in->count = row + 1;
}

/* One packet of each readable socket, so that a flood costs its own leg only; waits up to
 * timeout_ms for the first. Returns the number of readable descriptors; those which are not a leg's
 * connected socket are listed in `others` and not touched. */
int64_t callstage_receive(struct inbox *in, int32_t timeout_ms) {
    if (in->struct_size != sizeof *in || in->row_size < 1 || in->count < 0) return BAD_STRUCT;
    in->others_count = 0;
    int64_t room = in->capacity - in->count;
    if (room > in->events_size / (int64_t)sizeof(struct epoll_event))
        room = in->events_size / (int64_t)sizeof(struct epoll_event);
    if (room < 1) return 0;
    int readable = epoll_wait(in->epoll, in->events, room < INT_MAX ? (int)room : INT_MAX, timeout_ms);
    double now = monotonic();
    for (int k = 0; k < readable; k++) {
        int32_t fd = in->events[k].data.fd;
        int32_t leg = fd >= 0 && fd < in->descriptors ? in->leg_of[fd] : -1;
        if (leg >= 0)
            receive_one(in, fd, leg, now);
        else
            in->others[in->others_count++] = fd;
    }
    return readable < 0 ? 0 : readable;
}

/* ---- following ------------------------------------------------------------------------------ */

struct following {
    int64_t struct_size;
    int64_t legs;              /* length of every column */
    /* rtp/following.py: the next header of each leg, the length of its packet, its law's offset
     * into the decoding table */
    uint8_t (*heads)[HEADER];
    const int64_t *sizes;
    const uint16_t *tables;
    /* rtp/reception.py */
    int64_t *highest, *received;
    double *last_arrival, *max_gap, *jitter;
    int64_t *octets_received;
    /* rtp/playout.py: the ring lies slot by slot, each with a frame of every leg */
    int64_t *timestamp, *least, *end;
    const int64_t *base;
    int16_t *ring;
    uint8_t *written;
    int64_t slots, clock;
    const int16_t *decoder;    /* 256 samples of each law */
    uint8_t *seen;             /* one per leg, zero between calls */
};

struct arrivals {
    int64_t struct_size;
    const uint8_t *rows;
    int64_t row_size, count;
    const int64_t *lengths, *legs;
    const double *times;
    uint8_t *followed;         /* count: 1 in = of a source to be judged; 1 out = was taken here */
};

static uint32_t read_u32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write_u16(uint8_t *at, uint16_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void write_u32(uint8_t *at, uint32_t value) {
    write_u16(at, (uint16_t)(value >> 16));
    write_u16(at + 2, (uint16_t)value);
}

static int known(const struct following *f, int64_t leg) { return leg >= 0 && leg < f->legs; }

/* Reception.follow and arrived */
static void count_packet(const struct following *f, int64_t leg, double now) {
    f->highest[leg] += 1;
    f->received[leg] += 1;
    f->octets_received[leg] += FRAME;
    double gap = now - f->last_arrival[leg];
    f->last_arrival[leg] = now;
    if (gap == INFINITY) gap = 0.0;
    if (gap > f->max_gap[leg]) f->max_gap[leg] = gap;
    double change = fabs(gap * RATE_HZ - FRAME), jitter = f->jitter[leg];
    f->jitter[leg] = jitter + (change - jitter) / 16;
}

/* Playout.follow and write_frames */
static void place(const struct following *f, int64_t leg, int64_t lead, const uint8_t *payload) {
    f->timestamp[leg] += FRAME;
    if (lead < f->least[leg]) f->least[leg] = lead;
    f->end[leg] = lead + f->clock + FRAME;
    int64_t slot = (lead + f->clock) / FRAME % f->slots;
    const int16_t *decoder = f->decoder + (f->tables[leg] ? 256 : 0);
    int16_t *frame = f->ring + (slot * f->legs + leg) * FRAME;
    for (int k = 0; k < FRAME; k++) frame[k] = decoder[payload[k]];
    f->written[slot * f->legs + leg] = 1;
}

/* Following.matches and advance, Playout.leads */
static int follow_one(const struct following *f, int64_t leg, const uint8_t *row, int64_t length,
                      double now) {
    uint8_t *head = f->heads[leg];
    if (length != HEADER + FRAME || length != f->sizes[leg]) return 0;
    if (memcmp(row, head, HEADER) != 0) return 0;
    int64_t lead = f->timestamp[leg] + FRAME - f->base[leg] - f->clock;
    if (lead < 0 || lead > (f->slots - 2) * FRAME || lead % FRAME != 0) return 0;
    count_packet(f, leg, now);
    place(f, leg, lead, row + HEADER);
    write_u16(head + 2, (uint16_t)((head[2] << 8 | head[3]) + 1));
    write_u32(head + 4, read_u32(head + 4) + FRAME);
    return 1;
}

/* Take the packets that need no judging. Of several packets of a leg none is just the next one. */
int64_t callstage_follow(const struct following *f, const struct arrivals *a) {
    if (f->struct_size != sizeof *f || a->struct_size != sizeof *a) return BAD_STRUCT;
    if (a->row_size < HEADER + FRAME || f->slots < 2 || f->clock < 0) return BAD_STRUCT;
    for (int64_t n = 0; n < a->count; n++)
        if (known(f, a->legs[n]) && f->seen[a->legs[n]] < 2) f->seen[a->legs[n]]++;
    int64_t taken = 0;
    for (int64_t n = 0; n < a->count; n++) {
        int64_t leg = a->legs[n];
        int unusual = a->followed[n] || !known(f, leg) || f->seen[leg] != 1;
        a->followed[n] = !unusual && follow_one(f, leg, a->rows + n * a->row_size, a->lengths[n],
                                                a->times[n]);
        taken += a->followed[n];
    }
    for (int64_t n = 0; n < a->count; n++)
        if (known(f, a->legs[n])) f->seen[a->legs[n]] = 0;
    return taken;
}

/* ---- encoding ------------------------------------------------------------------------------- */

struct encoding {
    int64_t struct_size;
    int64_t legs;              /* length of every column, and number of packets */
    uint8_t *packets;          /* legs packets of packet_size octets: header, a frame of G.711 */
    int64_t packet_size;
    const int64_t *law;        /* 0 = mu-law, 1 = A-law */
    const int64_t *sequence, *timestamp;
    const uint8_t *encoder;    /* 65,536 octets of each law, by the sample seen as unsigned */
};

/* Frames of the first `count` legs into their packets, with sequence numbers and timestamps. */
int64_t callstage_encode(const struct encoding *e, const int16_t *heard, int64_t count) {
    if (e->struct_size != sizeof *e || e->packet_size < HEADER + FRAME) return BAD_STRUCT;
    if (count > e->legs) return BAD_STRUCT;
    for (int64_t leg = 0; leg < count; leg++) {
        uint8_t *packet = e->packets + leg * e->packet_size;
        const uint8_t *encoder = e->encoder + (e->law[leg] ? 65536 : 0);
        const int16_t *frame = heard + leg * FRAME;
        write_u16(packet + 2, (uint16_t)e->sequence[leg]);
        write_u32(packet + 4, (uint32_t)e->timestamp[leg]);
        for (int k = 0; k < FRAME; k++) packet[HEADER + k] = encoder[(uint16_t)frame[k]];
    }
    return count < 0 ? 0 : count;
}

/* ---- sending -------------------------------------------------------------------------------- */

struct departure {             /* what a leg sends in every frame: one packet, or two */
    int32_t fd;                /* -1: nowhere to send to */
    uint32_t address_size;     /* 0: the socket is connected */
    uint8_t address[ADDRESS_MAX];
    uint32_t sizes[2];
    uint32_t instead_size;     /* not 0: in this frame `instead` is sent in place of the first */
    const uint8_t *packets[2]; /* and of the second nothing is */
    const uint8_t *instead;
};

struct outbox {
    int64_t struct_size;
    const struct departure *departures; /* by leg */
    int64_t legs;
    int64_t refused, failed;
};

/* Send what is planned for one step: each entry is a leg's number times two, plus which packet.
 * One system call per packet: sendmmsg serves one socket only, and every leg has its own. */
int64_t callstage_send(struct outbox *out, const int32_t *plan, int64_t count) {
    if (out->struct_size != sizeof *out) return BAD_STRUCT;
    int64_t sent = 0;
    for (int64_t n = 0; n < count; n++) {
        int32_t leg = plan[n] / 2, part = plan[n] % 2;
        if (plan[n] < 0 || leg >= out->legs) continue;
        const struct departure *d = &out->departures[leg];
        const uint8_t *packet = d->instead_size ? d->instead : d->packets[part];
        uint32_t size = d->instead_size ? d->instead_size : d->sizes[part];
        if (d->fd < 0 || size == 0 || size > DATAGRAM_MAX || packet == NULL) continue;
        if (d->address_size > ADDRESS_MAX || (d->instead_size && part)) continue;
        const struct sockaddr *to = d->address_size ? (const struct sockaddr *)d->address : NULL;
        if (sendto(d->fd, packet, size, MSG_DONTWAIT, to, d->address_size) >= 0)
            sent++;
        else if (errno == ECONNREFUSED)
            out->refused++;
        else
            out->failed++;
    }
    return sent;
}
