// Sends back what comes, on one thread, with as little of its own as can be: what every client is measured against.
// `echo [path]` says where it listens, and ends with its standard input.
#include "address.h"
#include "poll.h"
#include <signal.h>

int main(int count_of_arguments, char **arguments) {
  static char bytes[65536];
  struct epoll_event events[512];
  signal(SIGPIPE, SIG_IGN);
  int listener = listen_on(count_of_arguments > 1 ? arguments[1] : NULL);
  int poll = epoll_create1(0);
  watch(poll, listener);
  watch(poll, STDIN_FILENO);
  for (;;) {
    int count = epoll_wait(poll, events, 512, -1);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == STDIN_FILENO) return 0;
      if (fd == listener) {
        int accepted = accept(listener, NULL, NULL);
        no_delay(accepted);
        watch(poll, accepted);
        continue;
      }
      ssize_t size = read(fd, bytes, sizeof bytes);
      if (size <= 0 || write(fd, bytes, size) < 0) close(fd);
    }
  }
}
