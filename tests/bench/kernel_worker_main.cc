#include <iostream>
#include <string>

#include "tests/bench/kernel_worker.h"

int main() {
  unroll::bench::KernelWorker worker;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << worker.Answer(line) << std::endl;
  }
}
