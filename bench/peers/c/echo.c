// Sends back what comes, on one thread, with as little of its own as can be: what every client is measured against.
// `echo [path]` says where it listens, and ends with its standard input.
#include "address.h"
#include <signal.h>
#include <sys/epoll.h>

int main(int count_of_arguments, char **arguments) {
  static char bytes[65536];
  struct epoll_event events[512];
  signal(SIGPIPE, SIG_IGN);
  int listener = listen_on(count_of_arguments > 1 ? arguments[1] : NULL);
  int poll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  event.data.fd = STDIN_FILENO;
  epoll_ctl(poll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
  for (;;) {
    int count = epoll_wait(poll, events, 512, -1);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == STDIN_FILENO) return 0;
      if (fd == listener) {
        event.data.fd = accept(listener, NULL, NULL);
        no_delay(event.data.fd);
        epoll_ctl(poll, EPOLL_CTL_ADD, event.data.fd, &event);
        continue;
      }
      ssize_t size = read(fd, bytes, sizeof bytes);
      if (size <= 0 || write(fd, bytes, size) < 0) close(fd);
    }
  }
}
