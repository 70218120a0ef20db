/* The busiest loops of the audio engine, for machines that had a C compiler at installation.
 *
 * Seven functions, each called a few times per 20 ms frame for all legs together, or less:
 *
 *   callstage_read      what has come on connected sockets, into rows
 *   callstage_follow    take packets that are just what their legs expect: count, decode, place
 *   callstage_frame     what legs and players play, legs hear, and packets carry, in a steady frame
 *   callstage_play      of such a frame, what players play
 *   callstage_send      the packets of one step of the frame; and what silent sockets have
 *   callstage_step      sleep and send: a step in which nothing is computed
 *   callstage_cruise    all of these, frame after frame, while nothing unusual happens
 *
 * Not only are they faster than what they stand for: a tick in Python runs through so much code
 * that it is found in no cache after 20 ms of other programs, and then costs ten times as much.
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
#define MISSING INT16_MIN   /* no sample came: rtp/playout.py */
#define HISTORY 3           /* frames of a leg that stay after they were heard: rtp/playout.py */
#define ADDRESS_MAX 28      /* a sockaddr_in6 */
#define DATAGRAM_MAX 65507
#define BAD_STRUCT (-1)

/* The digest of this file, so that a library of another version is never used. */
#ifndef SOURCE_DIGEST
#define SOURCE_DIGEST ""
#endif
const char callstage_source[65] = SOURCE_DIGEST;

/* ---- receiving ------------------------------------------------------------------------------ */

#define READS 8                /* of one socket in a frame: traffic.py, as TURNS and OLDEST_S */
#define TURNS 16
#define OLDEST_S 1.0
#define RESTING 50             /* frames without a packet, after which a socket is asked when it sends */
#define ASKED 51               /* it was, in this frame */

struct inbox {
    int64_t struct_size;
    /* connected RTP sockets, whose legs they are, and room for the numbers of those that are read
     * again */
    const int32_t *sockets, *socket_legs;
    int32_t *again;
    int64_t sockets_count;
    uint8_t *idle;             /* by leg, idle_count of them: how often in a row there was nothing */
    int64_t idle_count;
    int64_t turn;              /* counts readings */
    uint8_t *rows;             /* capacity rows of row_size octets */
    int64_t row_size, capacity;
    int64_t *lengths, *legs;   /* capacity of each: one entry per row in use */
    double *times;
    int64_t count;             /* rows in use */
    int64_t refused;           /* times that the peer's system said that nobody listens there */
};

static double seconds(const struct timespec *t) { return (double)t->tv_sec + (double)t->tv_nsec * 1e-9; }

static double clock_s(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return seconds(&t);
}

static double monotonic(void) { return clock_s(CLOCK_MONOTONIC); }

/* traffic.arrival: when the kernel had the packet, as monotonic time; now, if it does not say. */
static double arrival(struct msghdr *message, double now, double wall) {
    struct cmsghdr *about = CMSG_FIRSTHDR(message);
    struct timespec stamp;
    if (!about || about->cmsg_level != SOL_SOCKET || about->cmsg_type != SO_TIMESTAMPNS) return now;
    if (about->cmsg_len != CMSG_LEN(sizeof stamp)) return now;
    memcpy(&stamp, CMSG_DATA(about), sizeof stamp);
    double age = wall - seconds(&stamp);
    return age >= 0.0 && age <= OLDEST_S ? now - age : now;
}

/* Whether a call failed with what a router or the peer's system said of an earlier packet. That is
 * told once, in place of what was asked for, so one more try does what this one was to do: who
 * sends such messages, or forges them, must not keep a packet from being sent or read. */
static int told_of_another(ssize_t result, int64_t *refused) {
    if (result >= 0 || errno == EAGAIN) return 0;
    *refused += errno == ECONNREFUSED;
    return 1;
}

/* The packet's length, or -1 when none was read. */
static ssize_t receive_one(struct inbox *in, int fd, int64_t leg, double now, double wall) {
    if (in->count >= in->capacity) return -1;
    int64_t row = in->count;
    union { struct cmsghdr aligned; uint8_t octets[CMSG_SPACE(sizeof(struct timespec))]; } about;
    struct iovec place = {in->rows + row * in->row_size, (size_t)in->row_size};
    struct msghdr message = {.msg_iov = &place, .msg_iovlen = 1, .msg_control = &about,
                             .msg_controllen = sizeof about};
    ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT);
    if (told_of_another(length, &in->refused)) length = recvmsg(fd, &message, MSG_DONTWAIT);
    if (length < 0) return -1;
    in->lengths[row] = length;
    in->legs[row] = leg;
    in->times[row] = arrival(&message, now, wall);
    in->count = row + 1;
    return length;
}

static ssize_t receive_numbered(struct inbox *in, int32_t number, double now, double wall) {
    return receive_one(in, in->sockets[number], in->socket_legs[number], now, wall);
}

/* Whether the socket of this number was asked in this frame already: it is, after its leg sent. */
static int asked(struct inbox *in, int32_t number) {
    int64_t leg = in->socket_legs[number];
    if (leg < 0 || leg >= in->idle_count || in->idle[leg] != ASKED) return 0;
    in->idle[leg] = RESTING;
    return 1;
}

/* Whether the socket had a packet, too, when it was read before. */
static int went_on(struct inbox *in, int32_t number, int came) {
    int64_t leg = in->socket_legs[number];
    if (leg < 0 || leg >= in->idle_count) return 0;
    uint8_t before = in->idle[leg];
    in->idle[leg] = came ? 0 : before < RESTING ? before + 1 : RESTING;
    return before == 0;
}

/* One packet of each socket; then more of those that may have more, so that a flood costs its own
 * leg only. A socket that gives the usual packet in every frame is not asked whether there is
 * another: if one is queued behind it, it is due a frame later, and then is soon enough; and each
 * socket is emptied in its turn. Returns how many packets came. */
int64_t callstage_read(struct inbox *in) {
    if (in->struct_size != sizeof *in || in->row_size < 1 || in->count < 0) return BAD_STRUCT;
    if (in->sockets_count < 0 || in->sockets_count > INT32_MAX) return BAD_STRUCT;
    int64_t before = in->count, again = 0;
    double now = monotonic(), wall = clock_s(CLOCK_REALTIME);
    in->turn++;
    for (int32_t n = 0; n < in->sockets_count; n++) {
        if (asked(in, n)) continue;
        ssize_t length = receive_numbered(in, n, now, wall);
        int usual = went_on(in, n, length >= 0) && length == HEADER + FRAME && (n + in->turn) % TURNS;
        if (length >= 0 && !usual) in->again[again++] = n;
    }
    for (int read = 1; read < READS && again; read++) {
        int64_t left = 0;
        for (int64_t k = 0; k < again; k++)
            if (receive_numbered(in, in->again[k], now, wall) >= 0) in->again[left++] = in->again[k];
        again = left;
    }
    return in->count - before;
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
    int64_t *timestamp, *least, *most, *end;
    const int64_t *base;
    int16_t *ring;
    uint8_t *written;
    int64_t slots, clock;
    const int16_t *decoder;    /* 256 samples of each law */
    uint8_t *lost;             /* one per leg, zero between calls: what it expected did not come */
};

struct arrivals {
    int64_t struct_size;
    const uint8_t *rows;
    int64_t row_size, count;
    const int64_t *lengths, *legs;
    const double *times;
    uint8_t *followed;         /* count: in = 0, or one of the below; out = whether it was taken */
};

#define NO_AUDIO 1             /* a report, or refused already */
#define JUDGED 2               /* of a source that is to be judged, and so is what follows */

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

static void decode(const struct following *f, int64_t leg, int64_t slot, int offset,
                   const uint8_t *octets, int count) {
    const int16_t *decoder = f->decoder + (f->tables[leg] ? 256 : 0);
    int16_t *samples = f->ring + (slot * f->legs + leg) * FRAME;
    uint8_t *written = f->written + slot * f->legs + leg;
    if (count < FRAME && !*written)
        for (int k = 0; k < FRAME; k++) samples[k] = MISSING;
    for (int k = 0; k < count; k++) samples[offset + k] = decoder[octets[k]];
    *written = 1;
}

/* Playout.follow and write_frames */
static void place(const struct following *f, int64_t leg, int64_t lead, const uint8_t *payload) {
    f->timestamp[leg] += FRAME;
    if (lead < f->least[leg]) f->least[leg] = lead;
    if (lead > f->most[leg]) f->most[leg] = lead;
    f->end[leg] = lead + f->clock + FRAME;
    int64_t slot = (lead + f->clock) / FRAME % f->slots;
    int offset = (int)((lead + f->clock) % FRAME);
    decode(f, leg, slot, offset, payload, FRAME - offset);
    if (offset) decode(f, leg, (slot + 1) % f->slots, 0, payload + FRAME - offset, offset);
}

/* Following.matches and advance, Playout.leads */
static int follow_one(const struct following *f, int64_t leg, const uint8_t *row, int64_t length,
                      double now) {
    uint8_t *head = f->heads[leg];
    if (length != HEADER + FRAME || length != f->sizes[leg]) return 0;
    if (memcmp(row, head, HEADER) != 0) return 0;
    int64_t lead = f->timestamp[leg] + FRAME - f->base[leg] - f->clock;
    if (lead < 0 || lead > (f->slots - HISTORY - 2) * FRAME) return 0;
    count_packet(f, leg, now);
    place(f, leg, lead, row + HEADER);
    write_u16(head + 2, (uint16_t)((head[2] << 8 | head[3]) + 1));
    write_u32(head + 4, read_u32(head + 4) + FRAME);
    return 1;
}

/* Take the packets that need no judging, in the order in which they came: of each leg those before
 * its first one that is not the next. */
int64_t callstage_follow(const struct following *f, const struct arrivals *a) {
    if (f->struct_size != sizeof *f || a->struct_size != sizeof *a) return BAD_STRUCT;
    if (a->row_size < HEADER + FRAME || f->slots < HISTORY + 2 || f->clock < 0) return BAD_STRUCT;
    int64_t taken = 0;
    for (int64_t n = 0; n < a->count; n++) {
        int64_t leg = a->legs[n];
        uint8_t given = a->followed[n];
        a->followed[n] = 0;
        if (given == NO_AUDIO || !known(f, leg) || f->lost[leg]) continue;
        if (given == 0 && follow_one(f, leg, a->rows + n * a->row_size, a->lengths[n], a->times[n]))
            a->followed[n] = 1;
        else
            f->lost[leg] = 1;
        taken += a->followed[n];
    }
    for (int64_t n = 0; n < a->count; n++)
        if (known(f, a->legs[n])) f->lost[a->legs[n]] = 0;
    return taken;
}

/* ---- a frame -------------------------------------------------------------------------------- */

struct frame {
    int64_t struct_size;
    int64_t legs, rows, players; /* lengths of the columns below */
    int64_t slots, clock;
    int16_t *samples;          /* rows frames: silence, the legs, players and mixes (frames.py) */
    const int16_t **at;        /* where the frame of each row lies; NULL: at its place in `samples` */
    /* rtp/playout.py and rtp/concealment.py */
    int16_t *ring;
    uint8_t *written;
    const int64_t *missed, *noise_level, *pause_from;
    const int16_t *noise;      /* comfort_noise.py: noise_period samples and a frame */
    int64_t noise_period;
    /* units/players.py: which players run, and their blocks of block_frames frames */
    const int64_t *running;
    int64_t running_count;
    const int64_t *player_rows, *filled;
    int64_t *cursor;
    const int16_t *blocks;
    int64_t block_frames;
    const int16_t **run_at;    /* what follows the block, from where it lies */
    int64_t *run_left;         /* frames of it */
    int64_t spent;             /* out: running players that have nothing left to play */
    /* units/routes.py */
    const int64_t *source_of;
    int16_t *heard;
    /* rtp/sending.py: packets of header and a frame of G.711 */
    uint8_t *packets;
    int64_t packet_size;
    const int64_t *law;        /* 0 = mu-law, 1 = A-law */
    int64_t *sequence, *timestamp;
    const uint8_t *active;
    const int64_t *clock_step;
    const uint8_t *encoder;    /* 65,536 octets of each law, by the sample seen as unsigned */
};

#define STAGES 4               /* legs, players, who hears whom, packets */

#define CONTINUED 480          /* a leg that missed so many samples is silent: rtp/concealment.py */

#define LEG_STEP 1031          /* comfort_noise.py, as NOISE_BITS */
#define NOISE_BITS 12

static int whole(const int16_t *frame) {
    int missing = 0;
    for (int k = 0; k < FRAME; k++) missing |= frame[k] == MISSING;
    return !missing;
}

static int pausing(const struct frame *f, int64_t leg) {
    int64_t level = f->noise_level[leg];
    return level > 0 && level <= INT16_MAX && f->pause_from[leg] <= f->clock;
}

/* comfort_noise.noise_at, of a leg that announced a pause */
static void play_noise(const struct frame *f, int64_t leg, int16_t *row) {
    const int16_t *noise = f->noise + (f->clock + LEG_STEP * leg) % f->noise_period;
    for (int k = 0; k < FRAME; k++)
        row[k] = (int16_t)((noise[k] * f->noise_level[leg]) >> NOISE_BITS);
}

/* Concealment.play and Playout.advance, if every leg goes on sounding or being silent. */
static int play_legs(const struct frame *f, int64_t count) {
    int64_t slot = f->clock / FRAME % f->slots;
    int64_t oldest = (f->clock / FRAME + f->slots - HISTORY) % f->slots;
    const int16_t *due = f->ring + slot * f->legs * FRAME;
    const uint8_t *written = f->written + slot * f->legs;
    for (int64_t leg = 0; leg < count; leg++) {
        if (written[leg] ? f->missed[leg] != 0 : f->missed[leg] < CONTINUED) return 0;
        if (written[leg] && (pausing(f, leg) || !whole(due + leg * FRAME))) return 0;
    }
    for (int64_t leg = 0; leg < count; leg++) {
        const int16_t **at = &f->at[1 + leg];
        *at = written[leg] ? due + leg * FRAME : pausing(f, leg) ? NULL : f->samples;
        if (!*at) play_noise(f, leg, f->samples + (1 + leg) * FRAME);
    }
    memset(f->written + oldest * f->legs, 0, (size_t)count);
    return 1;
}

/* The next frame of a player: of its block, then of its run; NULL when it has none. */
static const int16_t *next_frame(const struct frame *f, int64_t slot) {
    int64_t cursor = f->cursor[slot];
    if (cursor >= 0 && cursor < f->filled[slot] && cursor < f->block_frames) {
        f->cursor[slot]++;
        return f->blocks + (slot * f->block_frames + cursor) * FRAME;
    }
    if (f->run_left[slot] < 1) return NULL;
    f->run_left[slot]--;
    f->run_at[slot] += FRAME;
    return f->run_at[slot] - FRAME;
}

/* The row of a player, or 0. */
static int64_t row_of(const struct frame *f, int64_t slot) {
    if (slot < 0 || slot >= f->players) return 0;
    int64_t row = f->player_rows[slot];
    return row > 0 && row < f->rows ? row : 0;
}

/* Players.copy, and what it does not know: runs. Who has nothing more keeps what it played. */
static void play_players(struct frame *f) {
    f->spent = 0;
    for (int64_t n = 0; n < f->running_count; n++) {
        int64_t slot = f->running[n], row = row_of(f, slot);
        if (!row) continue;
        const int16_t *next = next_frame(f, slot);
        if (next) f->at[row] = next;
        f->spent += f->cursor[slot] >= f->filled[slot] && f->run_left[slot] < 1;
    }
}

/* What a leg hears: the frame of the row that is its source. */
static const int16_t *source(const struct frame *f, int64_t leg) {
    int64_t row = f->source_of[leg];
    row = row < 0 ? 0 : row < f->rows ? row : f->rows - 1;
    return f->at[row] ? f->at[row] : f->samples + row * FRAME;
}

/* Sending.prepare, while no header changes but in its numbers */
static void prepare(const struct frame *f, int64_t count) {
    for (int64_t leg = 0; leg < count; leg++) {
        uint8_t *packet = f->packets + leg * f->packet_size;
        write_u16(packet + 2, (uint16_t)f->sequence[leg]);
        write_u32(packet + 4, (uint32_t)f->timestamp[leg]);
        const uint8_t *encoder = f->encoder + (f->law[leg] ? 65536 : 0);
        const int16_t *frame = source(f, leg);
        for (int k = 0; k < FRAME; k++) packet[HEADER + k] = encoder[(uint16_t)frame[k]];
        f->sequence[leg] += f->active[leg] != 0;
        f->timestamp[leg] += f->clock_step[leg];
    }
}

/* Up to `stages` of the four stages of a frame, without moving a sample: rows are where `at` says. */
static int64_t pass(struct frame *f, int64_t count, int64_t stages) {
    if (stages < 1 || !play_legs(f, count)) return 0;
    if (stages > 1) play_players(f);
    if (stages >= STAGES) prepare(f, count);
    return stages < STAGES ? stages : STAGES;
}

static void settle_row(const struct frame *f, int64_t row) {
    if (f->at[row]) memcpy(f->samples + row * FRAME, f->at[row], FRAME * sizeof *f->samples);
    f->at[row] = NULL;
}

static void settle_players(const struct frame *f) {
    for (int64_t n = 0; n < f->running_count; n++) settle_row(f, row_of(f, f->running[n]));
}

/* Put what such a frame played and let be heard where others look for it: rows at their places,
 * and Routes.gather, while nobody hears something new. */
static void settle(const struct frame *f, int64_t count, int64_t stages) {
    if (stages > 0)
        for (int64_t leg = 0; leg < count; leg++) settle_row(f, 1 + leg);
    if (stages > 1) settle_players(f);
    for (int64_t leg = 0; stages > 2 && leg < count; leg++)
        memcpy(f->heard + leg * FRAME, source(f, leg), FRAME * sizeof *f->heard);
}

static int sensible(const struct frame *f, int64_t count) {
    if (f->struct_size != sizeof *f || f->packet_size < HEADER + FRAME) return 0;
    if (count < 0 || count > f->legs || f->rows < 1 + f->legs) return 0;
    return f->slots > HISTORY && f->clock >= 0 && f->noise_period > 0;
}

/* What the first `count` legs play, hear and send in this frame, as far as it is the usual case:
 * does up to `stages` of the four stages, in order, and returns how many. */
int64_t callstage_frame(struct frame *f, int64_t count, int64_t stages) {
    if (!sensible(f, count)) return BAD_STRUCT;
    int64_t done = pass(f, count, stages);
    settle(f, count, done);
    return done;
}

/* The stage of the players alone, in a frame that is otherwise computed elsewhere. */
int64_t callstage_play(struct frame *f) {
    if (f->struct_size != sizeof *f) return BAD_STRUCT;
    play_players(f);
    settle_players(f);
    return f->spent;
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

/* Send one packet of what is planned. Returns whether it left. */
static int send_one(struct outbox *out, const struct departure *d, int32_t part) {
    const uint8_t *packet = d->instead_size ? d->instead : d->packets[part];
    uint32_t size = d->instead_size ? d->instead_size : d->sizes[part];
    if (d->fd < 0 || size == 0 || size > DATAGRAM_MAX || packet == NULL) return 0;
    if (d->address_size > ADDRESS_MAX || (d->instead_size && part)) return 0;
    const struct sockaddr *to = d->address_size ? (const struct sockaddr *)d->address : NULL;
    ssize_t result = sendto(d->fd, packet, size, MSG_DONTWAIT, to, d->address_size);
    if (told_of_another(result, &out->refused))
        result = sendto(d->fd, packet, size, MSG_DONTWAIT, to, d->address_size);
    out->failed += result < 0;
    return result >= 0;
}

/* Ask the connected sockets of legs that were silent for long: soon after they sent, which costs a
 * fifth of what it costs when the caches have forgotten them. But not between two packets, or whoever
 * receives those would sleep meanwhile, and waking it costs more. */
static void ask_resting(struct inbox *in, const struct outbox *out, const int32_t *plan,
                        int64_t count) {
    for (int64_t n = 0; n < count && in->count < in->capacity; n++) {
        int32_t leg = plan[n] / 2;
        if (plan[n] < 0 || leg >= out->legs || leg >= in->idle_count) continue;
        const struct departure *d = &out->departures[leg];
        if (in->idle[leg] < RESTING || d->fd < 0 || d->address_size) continue;
        ssize_t length = receive_one(in, d->fd, leg, monotonic(), clock_s(CLOCK_REALTIME));
        in->idle[leg] = length < 0 ? ASKED : 1; /* more may wait: read until there is none */
    }
}

/* Send what is planned for one step: each entry is a leg's number times two, plus which packet.
 * One system call per packet: sendmmsg serves one socket only, and every leg has its own. */
int64_t callstage_send(struct inbox *in, struct outbox *out, const int32_t *plan, int64_t count) {
    if (in->struct_size != sizeof *in || in->row_size < 1 || in->count < 0) return BAD_STRUCT;
    if (out->struct_size != sizeof *out) return BAD_STRUCT;
    int64_t sent = 0;
    for (int64_t n = 0; n < count; n++)
        if (plan[n] >= 0 && plan[n] / 2 < out->legs)
            sent += send_one(out, &out->departures[plan[n] / 2], plan[n] % 2);
    ask_resting(in, out, plan, count);
    return sent;
}

/* ---- a step --------------------------------------------------------------------------------- */

static void sleep_until(double deadline) {
    struct timespec at;
    at.tv_sec = (time_t)deadline;
    at.tv_nsec = (long)((deadline - (double)at.tv_sec) * 1e9);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

/* Sleep until `deadline`, then send the plan. Returns how many packets left. */
int64_t callstage_step(struct inbox *in, struct outbox *out, double deadline, const int32_t *plan,
                       int64_t count) {
    if (out->struct_size != sizeof *out) return BAD_STRUCT;
    sleep_until(deadline);
    return callstage_send(in, out, plan, count);
}

/* ---- frames in a row ------------------------------------------------------------------------ */

#define STEPS 4                /* of a frame: clock.py */

struct cruise {
    int64_t struct_size;
    double origin, step_s;     /* step number n is due at origin + n * step_s; clock.py */
    int64_t count;             /* in, out: the step that comes next */
    int64_t frames;            /* in: how many frames may be computed here; out: how many were */
    int64_t legs;              /* of which the first so many are in use */
    int32_t behind;            /* so many frames late, and nothing is computed here */
    int32_t epoll;             /* of what is to be read beside the legs' connected sockets */
    const int32_t *plans[STEPS]; /* what is sent in each step of a frame */
    int64_t planned[STEPS];
    uint8_t *followed;         /* as many as the inbox has rows */
};

/* RFC 5761 4: what cannot be RTP, told by its packet type. It can wait for a few frames. */
static int is_report(const uint8_t *row, int64_t length) {
    return length > 1 && row[1] >= 192 && row[1] <= 223;
}

/* Take what may be taken; what is left of the inbox moves up. Returns how much of that cannot wait. */
static int64_t take(struct inbox *in, const struct following *f, uint8_t *followed) {
    struct arrivals a = {sizeof a, in->rows, in->row_size, in->count, in->lengths, in->legs,
                         in->times, followed};
    for (int64_t n = 0; n < in->count; n++)
        followed[n] = (uint8_t)is_report(in->rows + n * in->row_size, in->lengths[n]);
    if (callstage_follow(f, &a) < 0) return BAD_STRUCT;
    int64_t kept = 0, urgent = 0;
    for (int64_t n = 0; n < in->count; n++) {
        if (followed[n]) continue;
        uint8_t *row = in->rows + n * in->row_size, *to = in->rows + kept * in->row_size;
        urgent += !is_report(row, in->lengths[n]);
        if (kept != n) memmove(to, row, (size_t)in->lengths[n]);
        in->lengths[kept] = in->lengths[n];
        in->legs[kept] = in->legs[n];
        in->times[kept] = in->times[n];
        kept++;
    }
    in->count = kept;
    return urgent;
}

/* The frame that is due, all of it and its first packets. Returns whether it was done here. */
static int compute(struct inbox *in, struct outbox *out, struct following *f, struct frame *frame,
                   const struct cruise *c) {
    if (take(in, f, c->followed) != 0) return 0;
    frame->clock = f->clock;
    if (pass(frame, c->legs, STAGES) != STAGES) return 0;
    f->clock += FRAME;
    callstage_send(in, out, c->plans[0], c->planned[0]);
    return 1;
}

/* Whether something is to be read that Python reads. */
static int called(int32_t epoll) {
    struct epoll_event event;
    return epoll_wait(epoll, &event, 1, 0) > 0;
}

static int64_t go_on(struct inbox *in, struct outbox *out, struct following *f, struct frame *frame,
                     struct cruise *c) {
    int64_t most = c->frames;
    c->frames = 0;
    for (;; c->count++) {
        int64_t step = c->count % STEPS;
        double due = c->origin + (double)c->count * c->step_s;
        if (step) {
            if (c->planned[step]) callstage_step(in, out, due, c->plans[step], c->planned[step]);
            continue;
        }
        sleep_until(due);
        double late = monotonic() - due;
        if (callstage_read(in) < 0) return BAD_STRUCT;
        int others = called(c->epoll);
        if (c->frames >= most || others || late >= (c->behind + 1.0) * STEPS * c->step_s) return others;
        if (!compute(in, out, f, frame, c)) return 0;
        c->frames++;
        if (frame->spent) most = c->frames;
    }
}

/* Step after step, and frame after frame, as long as everything is the usual case. Returns when a
 * frame is due that is to be computed elsewhere: its packets were read, and `count` names its first
 * step. Then something else may be readable, too: 1, otherwise 0. */
int64_t callstage_cruise(struct inbox *in, struct outbox *out, struct following *f,
                         struct frame *frame, struct cruise *c) {
    if (in->struct_size != sizeof *in || out->struct_size != sizeof *out) return BAD_STRUCT;
    if (f->struct_size != sizeof *f || c->struct_size != sizeof *c) return BAD_STRUCT;
    if (!sensible(frame, c->legs) || in->row_size < HEADER + FRAME) return BAD_STRUCT;
    int64_t result = go_on(in, out, f, frame, c);
    if (c->frames) settle(frame, c->legs, STAGES);
    return result;
}
