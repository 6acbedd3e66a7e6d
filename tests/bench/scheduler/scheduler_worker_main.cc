#include <iostream>
#include <string>

#include "tests/bench/scheduler/scheduler_worker.h"

int main() {
  unroll::bench::SchedulerWorker worker;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << worker.Answer(line) << std::endl;
  }
}
