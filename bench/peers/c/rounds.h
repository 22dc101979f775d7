// How a program in C talks with the runner: as bench/programs/rounds.ts does.
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds_of(clockid_t clock) {
  struct timespec at;
  clock_gettime(clock, &at);
  return at.tv_sec + at.tv_nsec / 1e9;
}

static double now(void) { return seconds_of(CLOCK_MONOTONIC); }

// Waits for the next round. Gives how many seconds it may take; the end of the runner is the end of the program.
static inline double next_round(void) {
  char line[64];
  if (fgets(line, sizeof line, stdin) == NULL) exit(0);
  return atof(line) / 1000;
}

static inline void report(double operations, double began, double cpu_began) {
  printf("%.0f %.6f %.6f\n", operations, now() - began, seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_began);
  fflush(stdout);
}

static inline void ready(void) {
  puts("ready");
  fflush(stdout);
}
