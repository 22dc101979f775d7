// A stream without end in pieces of 64 KiB, from either side. The operations of a round are bytes.
// `source [path]` and `sink [path]` listen, `receive <address>` and `send <address>` connect and are measured.
#include "address.h"
#include "rounds.h"
#include <pthread.h>
#include <signal.h>

static char bytes[65536];

static void *pour(void *socket) {
  int fd = (int)(long)socket;
  while (write(fd, bytes, sizeof bytes) > 0)
    ;
  close(fd);
  return NULL;
}

static void *drain(void *socket) {
  int fd = (int)(long)socket;
  static __thread char taken[65536];
  while (read(fd, taken, sizeof taken) > 0)
    ;
  close(fd);
  return NULL;
}

static void *end_with_runner(void *nothing) {
  while (getchar() != EOF)
    ;
  exit(0);
  return nothing;
}

static void serve(int listener, void *(*serve_one)(void *)) {
  pthread_t thread;
  pthread_create(&thread, NULL, end_with_runner, NULL);
  for (;;) {
    long fd = accept(listener, NULL, NULL);
    no_delay(fd);
    pthread_create(&thread, NULL, serve_one, (void *)fd);
    pthread_detach(thread);
  }
}

static void measure(int fd, int is_receiver) {
  ready();
  for (;;) {
    double limit = next_round(), began = now(), cpu_began = seconds_of(CLOCK_PROCESS_CPUTIME_ID), moved = 0;
    for (int times = 0; times % 16 != 0 || now() - began < limit; times++) {
      ssize_t size = is_receiver ? read(fd, bytes, sizeof bytes) : write(fd, bytes, sizeof bytes);
      if (size <= 0) fail("stream");
      moved += size;
    }
    report(moved, began, cpu_began);
  }
}

int main(int count_of_arguments, char **arguments) {
  const char *mode = count_of_arguments > 1 ? arguments[1] : "", *address = arguments[2];
  signal(SIGPIPE, SIG_IGN);
  if (strcmp(mode, "source") == 0) serve(listen_on(address), pour);
  if (strcmp(mode, "sink") == 0) serve(listen_on(address), drain);
  if (strcmp(mode, "receive") == 0) measure(connect_to(address), 1);
  if (strcmp(mode, "send") == 0) measure(connect_to(address), 0);
  return 2;
}
