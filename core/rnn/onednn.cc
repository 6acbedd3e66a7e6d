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

dnnl::memory::desc Matrix(int64_t rows, int64_t columns, int64_t stride) {
  return {{rows, columns}, dnnl::memory::data_type::f32, {stride, 1}};
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

dnnl::matmul::primitive_desc Matmul(const MatmulArguments& a) {
  dnnl::primitive_attr attributes = UserScratchpad();
  attributes.set_post_ops(a.post_ops);
  if (a.bias.get_size() == 0) {
    return {Engine(), a.src, a.weights, a.dst, attributes};
  }
  return {Engine(), a.src, a.weights, a.bias, a.dst, attributes};
}

dnnl::primitive_desc Softmax(bool logarithm, const dnnl::memory::desc& matrix) {
  const auto algorithm = logarithm ? dnnl::algorithm::softmax_log
                                   : dnnl::algorithm::softmax_accurate;
  return dnnl::softmax_forward::primitive_desc(
      Engine(), dnnl::prop_kind::forward_inference, algorithm, matrix, matrix,
      /*axis=*/1, UserScratchpad());
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

dnnl::matmul::primitive_desc Matmul(const MatmulArguments& a) {
  dnnl::primitive_attr attributes = UserScratchpad();
  attributes.set_post_ops(a.post_ops);
  const dnnl::matmul::desc desc =
      a.bias.get_size() == 0
          ? dnnl::matmul::desc(a.src, a.weights, a.dst)
          : dnnl::matmul::desc(a.src, a.weights, a.bias, a.dst);
  return {desc, attributes, Engine()};
}

dnnl::primitive_desc Softmax(bool logarithm, const dnnl::memory::desc& matrix) {
  if (logarithm) {
    return dnnl::logsoftmax_forward::primitive_desc(
        {dnnl::prop_kind::forward_inference, matrix, /*axis=*/1},
        UserScratchpad(), Engine());
  }
  return dnnl::softmax_forward::primitive_desc(
      {dnnl::prop_kind::forward_inference, matrix, /*axis=*/1},
      UserScratchpad(), Engine());
}

#endif

}  // namespace unroll::onednn
