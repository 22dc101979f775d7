// Round trips of 64 bytes, one by one on each connection: `echo-client <connections> <address>`.
#include "address.h"
#include "poll.h"
#include "rounds.h"

int main(int count_of_arguments, char **arguments) {
  if (count_of_arguments < 3) return 2;
  static char bytes[65536];
  struct epoll_event events[512];
  int connections = atoi(arguments[1]);
  int *sockets = calloc(connections, sizeof *sockets);
  int poll = epoll_create1(0);
  for (int i = 0; i < connections; i++) {
    sockets[i] = connect_to(arguments[2]);
    watch(poll, sockets[i]);
  }
  ready();
  for (;;) {
    double limit = next_round(), began = now(), cpu_began = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    double received = 0;
    int under_way = connections, looks = 0, is_over = 0;
    for (int i = 0; i < connections; i++)
      if (write(sockets[i], bytes, 64) != 64) fail("write");
    while (under_way > 0) {
      int count = epoll_wait(poll, events, 512, -1);
      if (looks++ % 64 == 0) is_over = now() - began >= limit;
      for (int i = 0; i < count; i++) {
        ssize_t size = read(events[i].data.fd, bytes, sizeof bytes);
        if (size <= 0) fail("read");
        received += size;
        if (is_over) under_way--;
        else if (write(events[i].data.fd, bytes, size) != size) fail("write");
      }
    }
    report(received / 64, began, cpu_began);
  }
}
