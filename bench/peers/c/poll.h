// What a program in C waits for.
#pragma once
#include <sys/epoll.h>

static inline void watch(int poll, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
}
