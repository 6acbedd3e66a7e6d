#ifndef UNROLL_TESTS_BENCH_SCHEDULER_PINS_H_
#define UNROLL_TESTS_BENCH_SCHEDULER_PINS_H_

namespace unroll::bench {

// Two of the cores that this process may run on: one for the worker, one for
// who sends. Threads run where the thread ran that started them.
class Pins {
 public:
  Pins();

  // Where the calling thread runs from now on.
  void RunAsWorker() const;
  void RunAsSender() const;

  // Whether the sender may keep its core busy. Not if it is the worker's too;
  // with real-time priority nothing else would run there.
  bool sender_may_spin() const;

  int worker() const { return worker_; }
  int sender() const { return sender_; }

 private:
  int worker_ = 0, sender_ = 0;
};

}  // namespace unroll::bench

#endif  // UNROLL_TESTS_BENCH_SCHEDULER_PINS_H_
