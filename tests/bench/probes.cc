#include "tests/bench/probes.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <cstring>

#include "core/base/invalid.h"
#include "core/rnn/workspace.h"

// What keeps the compiler from doing less than is written: it must believe that
// something outside has read and changed `vector`.
#define UNROLL_KEEP(vector) asm volatile("" : "+v"(vector))

namespace unroll::bench {
namespace {

#ifdef __x86_64__

// More sums than a multiply-add's latency takes, 2 a cycle for 5 cycles, and
// few enough that the compilers unroll the loop over them.
constexpr int kAvx512Sums = 16;
constexpr int kAvx2Sums = 12;

__attribute__((target("avx512f"))) void FmaAvx512(int64_t operations) {
  __m512 sums[kAvx512Sums];
  for (auto& sum : sums) sum = _mm512_set1_ps(1.0f);
  __m512 factor = _mm512_set1_ps(0.5f);
  for (int64_t i = 0; i < operations / (kAvx512Sums * 16 * 2); ++i) {
    for (auto& sum : sums) {
      sum = _mm512_fmadd_ps(sum, factor, factor);
      UNROLL_KEEP(sum);
    }
  }
}

__attribute__((target("avx2,fma"))) void FmaAvx2(int64_t operations) {
  __m256 sums[kAvx2Sums];
  for (auto& sum : sums) sum = _mm256_set1_ps(1.0f);
  __m256 factor = _mm256_set1_ps(0.5f);
  for (int64_t i = 0; i < operations / (kAvx2Sums * 8 * 2); ++i) {
    for (auto& sum : sums) {
      sum = _mm256_fmadd_ps(sum, factor, factor);
      UNROLL_KEEP(sum);
    }
  }
}

// 16 loads at a time, each of a vector of its own.
constexpr int kLoads = 16;

__attribute__((target("avx512f"))) void ReadAvx512(const float* data,
                                                   int64_t bytes) {
  const float* end = data + bytes / sizeof(float);
  for (; data < end; data += kLoads * 16) {
    for (int i = 0; i < kLoads; ++i) {
      __m512 loaded = _mm512_load_ps(data + i * 16);
      UNROLL_KEEP(loaded);
    }
  }
}

__attribute__((target("avx2"))) void ReadAvx2(const float* data,
                                              int64_t bytes) {
  const float* end = data + bytes / sizeof(float);
  for (; data < end; data += kLoads * 8) {
    for (int i = 0; i < kLoads; ++i) {
      __m256 loaded = _mm256_load_ps(data + i * 8);
      UNROLL_KEEP(loaded);
    }
  }
}

#else

// VectorSet() is "none", so that nothing makes these run.
void FmaAvx512(int64_t) {}
void FmaAvx2(int64_t) {}
void ReadAvx512(const float*, int64_t) {}
void ReadAvx2(const float*, int64_t) {}

#endif

absl::Status NoVectors() {
  return absl::UnimplementedError("this CPU has no AVX2 with FMA");
}

class FmaProbe final : public Workload {
 public:
  explicit FmaProbe(int64_t operations)
      : operations_(operations),
        loop_(VectorSet() == "avx512" ? FmaAvx512 : FmaAvx2) {}

  absl::Status Run() override {
    loop_(operations_);
    return absl::OkStatus();
  }

 private:
  const int64_t operations_;
  void (*const loop_)(int64_t operations);
};

class ReadProbe final : public Workload {
 public:
  explicit ReadProbe(int64_t bytes)
      : bytes_(bytes),
        loop_(VectorSet() == "avx512" ? ReadAvx512 : ReadAvx2),
        data_(workspace_.Floats(Workspace::kInput, bytes / sizeof(float))) {
    std::memset(data_, 0, bytes);  // pages of its own, not the zero page
  }

  absl::Status Run() override {
    loop_(data_, bytes_);
    return absl::OkStatus();
  }

 private:
  const int64_t bytes_;
  void (*const loop_)(const float* data, int64_t bytes);
  Workspace workspace_;
  float* const data_;
};

}  // namespace

std::string_view VectorSet() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f")) return "avx512";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return "avx2";
  }
#endif
  return "none";
}

absl::StatusOr<std::unique_ptr<Workload>> MakeFmaProbe(int64_t operations) {
  // Both loops do a whole number of rounds.
  constexpr int64_t kUnit = 1536;
  if (operations <= 0 || operations % kUnit != 0) {
    return Invalid("%d operations, expected a multiple of %d", operations,
                   kUnit);
  }
  if (VectorSet() == "none") return NoVectors();
  return std::make_unique<FmaProbe>(operations);
}

absl::StatusOr<std::unique_ptr<Workload>> MakeReadProbe(int64_t bytes) {
  constexpr int64_t kUnit = 1024;
  constexpr int64_t kMost = int64_t{1} << 30;
  if (bytes <= 0 || bytes > kMost || bytes % kUnit != 0) {
    return Invalid("%d bytes, expected a multiple of %d up to %d", bytes, kUnit,
                   kMost);
  }
  if (VectorSet() == "none") return NoVectors();
  return std::make_unique<ReadProbe>(bytes);
}

}  // namespace unroll::bench
