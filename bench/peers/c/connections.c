// Connections that begin and end at once. `accept` listens and closes whoever comes when that one closes;
// `accept greeting` sends each a byte first. `connect <address>` and `be-greeted <address>` connect and reset, one after
// the other: an operation is one connection.
#include "address.h"
#include "poll.h"
#include "rounds.h"
#include <signal.h>

static void accept_forever(int is_greeting) {
  struct epoll_event events[512];
  char byte;
  int listener = listen_on(NULL);
  int poll = epoll_create1(0);
  watch(poll, listener);
  watch(poll, STDIN_FILENO);
  for (;;) {
    int count = epoll_wait(poll, events, 512, -1);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == STDIN_FILENO) exit(0);
      if (fd == listener) {
        int accepted = accept(listener, NULL, NULL);
        if (is_greeting && write(accepted, "!", 1) != 1) fail("write");
        watch(poll, accepted);
      } else if (read(fd, &byte, 1) <= 0) close(fd);
    }
  }
}

// A server that greets with a byte is waited for: so each connection has been accepted by whoever serves it.
static void connect_forever(const char *address, int is_greeted) {
  char byte;
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  ready();
  for (;;) {
    double limit = next_round(), began = now(), cpu_began = seconds_of(CLOCK_PROCESS_CPUTIME_ID), made = 0;
    while (now() - began < limit) {
      int fd = connect_to(address);
      if (is_greeted && read(fd, &byte, 1) != 1) fail("read");
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      close(fd);
      made++;
    }
    report(made, began, cpu_began);
  }
}

int main(int count_of_arguments, char **arguments) {
  const char *mode = count_of_arguments > 1 ? arguments[1] : "";
  signal(SIGPIPE, SIG_IGN);
  if (strcmp(mode, "accept") == 0) accept_forever(count_of_arguments > 2);
  if (strcmp(mode, "connect") == 0) connect_forever(arguments[2], 0);
  if (strcmp(mode, "be-greeted") == 0) connect_forever(arguments[2], 1);
  return 2;
}
