#include "core/rnn/onednn.h"

// From libgomp, which libdnnl is linked with. Declared here because clang has
// no omp.h of its own on Debian.
extern "C" void omp_set_num_threads(int count);

namespace unroll::onednn {

const dnnl::engine& Engine() {
  thread_local const bool one_thread = (omp_set_num_threads(1), true);
  static_cast<void>(one_thread);
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::stream& Stream() {
  thread_local dnnl::stream stream(Engine());
  return stream;
}

dnnl::primitive_attr UserScratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

dnnl::memory Reorder(const dnnl::memory::desc& from, const float* data,
                     const dnnl::memory::desc& to) {
  dnnl::memory source = Over(from, data);
  dnnl::memory target(to, Engine());
  dnnl::reorder(source, target).execute(Stream(), source, target);
  Stream().wait();
  return target;
}

std::string Numerics() {
  const dnnl_version_t& version = *dnnl::version();
  return absl::StrCat("onednn-", version.major, ".", version.minor, ".",
                      version.patch, "-",
                      static_cast<int>(dnnl::get_effective_cpu_isa()));
}

#if DNNL_VERSION_MAJOR >= 3

dnnl::vanilla_rnn_forward::primitive_desc VanillaRnn(
    const VanillaRnnArguments& a) {
  return {Engine(),
          dnnl::prop_kind::forward_inference,
          a.activation,
          dnnl::rnn_direction::unidirectional_left2right,
          a.src_layer,
          a.src_iter,
          a.weights_layer,
          a.weights_iter,
          a.bias,
          a.dst_layer,
          dnnl::memory::desc(),
          UserScratchpad()};
}

#else

dnnl::vanilla_rnn_forward::primitive_desc VanillaRnn(
    const VanillaRnnArguments& a) {
  const dnnl::vanilla_rnn_forward::desc desc(
      dnnl::prop_kind::forward_inference, a.activation,
      dnnl::rnn_direction::unidirectional_left2right, a.src_layer, a.src_iter,
      a.weights_layer, a.weights_iter, a.bias, a.dst_layer,
      dnnl::memory::desc());
  return {desc, UserScratchpad(), Engine()};
}

#endif

}  // namespace unroll::onednn
