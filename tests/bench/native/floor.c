/* The floor that figures are compared with: N two-way calls as a plain epoll loop, one socket and
 * one system call per packet each way, no audio work at all. Runs until it is killed.
 *
 *   floor FIRST_PORT COUNT */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <signal.h>
#include <unistd.h>

#define MAX_CALLS 4096

static int sockets[MAX_CALLS], known[MAX_CALLS];
static uint8_t packet[172];

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int first = atoi(argv[1]), count = atoi(argv[2]), epoll = epoll_create1(0);
    struct rlimit files = {8192, 8192};
    setrlimit(RLIMIT_NOFILE, &files);
    for (int i = 0; i < count; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(first + 2 * i)};
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        sockets[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (bind(sockets[i], (struct sockaddr *)&address, sizeof address) != 0) { perror("bind"); return 1; }
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        epoll_ctl(epoll, EPOLL_CTL_ADD, sockets[i], &event);
    }
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct itimerspec every = {{0, 20000000}, {0, 20000000}};
    timerfd_settime(timer, 0, &every, NULL);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = MAX_CALLS};
    epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event);
    printf("ready\n");
    fflush(stdout);
    packet[0] = 0x80;
    uint16_t sequence = 0;
    for (;;) {
        struct epoll_event events[256];
        int n = epoll_wait(epoll, events, 256, -1);
        for (int k = 0; k < n; k++) {
            uint32_t i = events[k].data.u32;
            uint8_t data[2048];
            uint64_t ticks;
            if (i != MAX_CALLS) {
                struct sockaddr_in from;
                socklen_t length = sizeof from;
                if (recvfrom(sockets[i], data, sizeof data, 0, (struct sockaddr *)&from, &length) > 0 && !known[i])
                    known[i] = connect(sockets[i], (struct sockaddr *)&from, length) == 0;
            } else if (read(timer, &ticks, sizeof ticks) == sizeof ticks) {
                sequence++;
                packet[2] = sequence >> 8;
                packet[3] = sequence & 255;
                for (int c = 0; c < count; c++)
                    if (known[c]) send(sockets[c], packet, sizeof packet, 0);
            }
        }
    }
}
