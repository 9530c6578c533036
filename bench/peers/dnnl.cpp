// The same cases as bench_kernels computed by oneDNN, in the layouts it offers. Built by bench/compare alone; no part
// of the product links to this library.
//
// dnnl-blocked: the layout oneDNN itself chooses. dnnl-nhwc: channels innermost. dnnl-winograd: as blocked, Winograd
// asked for by name. Reorders are not timed.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <oneapi/dnnl/dnnl.hpp>
#include <random>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

using dnnl::memory;
using Arguments = std::unordered_map<int, memory>;
using Tag = memory::format_tag;

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

dnnl::stream& stream() {
  static dnnl::stream commands(engine());
  return commands;
}

// One primitive with everything it reads and writes.
struct Case {
  dnnl::primitive primitive;
  Arguments arguments;
  double flops = 0, bytes = 0;

  void run() {
    primitive.execute(stream(), arguments);
    stream().wait();
  }
};

// Random values in [-1, 1), brought into the wanted layout.
memory filled(const memory::desc& wanted) {
  constexpr Tag kPlain[] = {Tag::a, Tag::ab, Tag::abc, Tag::abcd, Tag::abcde};
  const memory::dims dims = wanted.dims();
  memory source({dims, memory::data_type::f32, kPlain[dims.size() - 1]}, engine()), target(wanted, engine());
  std::minstd_rand random(1);
  auto* values = static_cast<float*>(source.get_data_handle());
  for (std::size_t i = 0; i < source.get_desc().get_size() / sizeof(float); ++i)
    values[i] = static_cast<float>(random() % 65536) / 32768 - 1;
  dnnl::reorder(source, target).execute(stream(), source, target);
  stream().wait();
  return target;
}

enum class Pass { forward, backward_data, backward_weights };
constexpr std::pair<Pass, const char*> kPasses[] = {
    {Pass::forward, "fwd"}, {Pass::backward_data, "bwd_data"}, {Pass::backward_weights, "bwd_weights"}};
constexpr auto kTraining = dnnl::prop_kind::forward_training;
constexpr auto kFloat = memory::data_type::f32;

std::int64_t output(std::int64_t in, std::int64_t pad, std::int64_t window, std::int64_t stride) {
  return (in + 2 * pad - window) / stride + 1;
}

struct Conv {
  std::int64_t n, c, h, w, k, r, s, stride, pad, groups;
};

Case make_conv(const Conv& p, Pass pass, Tag layout, dnnl::algorithm algorithm) {
  const std::int64_t out_h = output(p.h, p.pad, p.r, p.stride), out_w = output(p.w, p.pad, p.s, p.stride);
  const memory::desc src({p.n, p.c, p.h, p.w}, kFloat, layout), dst({p.n, p.k, out_h, out_w}, kFloat, layout);
  const memory::desc bias({p.k}, kFloat, Tag::a);
  const memory::dims filter = p.groups == 1 ? memory::dims{p.k, p.c, p.r, p.s}
                                            : memory::dims{p.groups, p.k / p.groups, p.c / p.groups, p.r, p.s};
  const memory::desc weights(filter, kFloat, Tag::any);
  const memory::dims strides{p.stride, p.stride}, padding{p.pad, p.pad};
  const dnnl::convolution_forward::primitive_desc forward(
      {kTraining, algorithm, src, weights, bias, dst, strides, padding, padding}, engine());
  Case made;
  made.flops = 2.0 * static_cast<double>(p.n * p.k * out_h * out_w * (p.c / p.groups) * p.r * p.s);
  if (pass == Pass::forward) {
    made.primitive = dnnl::convolution_forward(forward);
    made.arguments = {{DNNL_ARG_SRC, filled(forward.src_desc())},
                      {DNNL_ARG_WEIGHTS, filled(forward.weights_desc())},
                      {DNNL_ARG_BIAS, filled(forward.bias_desc())},
                      {DNNL_ARG_DST, memory(forward.dst_desc(), engine())}};
  } else if (pass == Pass::backward_data) {
    const dnnl::convolution_backward_data::primitive_desc backward(
        {algorithm, src, weights, dst, strides, padding, padding}, engine(), forward);
    made.primitive = dnnl::convolution_backward_data(backward);
    made.arguments = {{DNNL_ARG_DIFF_DST, filled(backward.diff_dst_desc())},
                      {DNNL_ARG_WEIGHTS, filled(backward.weights_desc())},
                      {DNNL_ARG_DIFF_SRC, memory(backward.diff_src_desc(), engine())}};
  } else {
    const dnnl::convolution_backward_weights::primitive_desc backward(
        {algorithm, src, weights, bias, dst, strides, padding, padding}, engine(), forward);
    made.primitive = dnnl::convolution_backward_weights(backward);
    made.arguments = {{DNNL_ARG_SRC, filled(backward.src_desc())},
                      {DNNL_ARG_DIFF_DST, filled(backward.diff_dst_desc())},
                      {DNNL_ARG_DIFF_WEIGHTS, memory(backward.diff_weights_desc(), engine())},
                      {DNNL_ARG_DIFF_BIAS, memory(backward.diff_bias_desc(), engine())}};
  }
  return made;
}

struct Dense {
  std::int64_t n, in, out;
};

Case make_dense(const Dense& p, Pass pass) {
  const memory::desc src({p.n, p.in}, kFloat, Tag::ab), dst({p.n, p.out}, kFloat, Tag::ab);
  const memory::desc bias({p.out}, kFloat, Tag::a), weights({p.out, p.in}, kFloat, Tag::any);
  const dnnl::inner_product_forward::primitive_desc forward({kTraining, src, weights, bias, dst}, engine());
  Case made;
  made.flops = 2.0 * static_cast<double>(p.n * p.in * p.out);
  if (pass == Pass::forward) {
    made.primitive = dnnl::inner_product_forward(forward);
    made.arguments = {{DNNL_ARG_SRC, filled(src)},
                      {DNNL_ARG_WEIGHTS, filled(forward.weights_desc())},
                      {DNNL_ARG_BIAS, filled(bias)},
                      {DNNL_ARG_DST, memory(dst, engine())}};
  } else if (pass == Pass::backward_data) {
    const dnnl::inner_product_backward_data::primitive_desc backward({src, weights, dst}, engine(), forward);
    made.primitive = dnnl::inner_product_backward_data(backward);
    made.arguments = {{DNNL_ARG_DIFF_DST, filled(dst)},
                      {DNNL_ARG_WEIGHTS, filled(backward.weights_desc())},
                      {DNNL_ARG_DIFF_SRC, memory(src, engine())}};
  } else {
    const dnnl::inner_product_backward_weights::primitive_desc backward({src, weights, bias, dst}, engine(), forward);
    made.primitive = dnnl::inner_product_backward_weights(backward);
    made.arguments = {{DNNL_ARG_SRC, filled(src)},
                      {DNNL_ARG_DIFF_DST, filled(dst)},
                      {DNNL_ARG_DIFF_WEIGHTS, memory(backward.diff_weights_desc(), engine())},
                      {DNNL_ARG_DIFF_BIAS, memory(bias, engine())}};
  }
  return made;
}

struct Pool {
  std::int64_t n, c, h, w, size, stride, pad;
};

Case make_pool(const Pool& p, Pass pass, Tag layout) {
  const std::int64_t out_h = output(p.h, p.pad, p.size, p.stride), out_w = output(p.w, p.pad, p.size, p.stride);
  const memory::desc src({p.n, p.c, p.h, p.w}, kFloat, layout), dst({p.n, p.c, out_h, out_w}, kFloat, layout);
  const memory::dims strides{p.stride, p.stride}, kernel{p.size, p.size}, padding{p.pad, p.pad};
  const auto algorithm = dnnl::algorithm::pooling_max;
  const dnnl::pooling_forward::primitive_desc forward(
      {kTraining, algorithm, src, dst, strides, kernel, padding, padding}, engine());
  const memory workspace(forward.workspace_desc(), engine());
  Case made;
  made.primitive = dnnl::pooling_forward(forward);
  made.arguments = {
      {DNNL_ARG_SRC, filled(src)}, {DNNL_ARG_DST, memory(dst, engine())}, {DNNL_ARG_WORKSPACE, workspace}};
  // As bench_kernels counts: input, output, and the places of the maxima as if they were floats.
  made.bytes = 4.0 * static_cast<double>(p.n * p.c * (p.h * p.w + 2 * out_h * out_w));
  if (pass == Pass::forward) return made;
  made.run();
  const dnnl::pooling_backward::primitive_desc backward({algorithm, src, dst, strides, kernel, padding, padding},
                                                        engine(), forward);
  made.primitive = dnnl::pooling_backward(backward);
  made.arguments = {
      {DNNL_ARG_DIFF_DST, filled(dst)}, {DNNL_ARG_DIFF_SRC, memory(src, engine())}, {DNNL_ARG_WORKSPACE, workspace}};
  return made;
}

// <peer>/<op>/<pass>/<shape>/threads:<n>, for every pass and number of threads.
template <class Make>
void register_cases(const std::string& peer_and_op, const std::string& shape, bool has_weights, Make make) {
  for (const auto& [pass, pass_name] : kPasses) {
    if (pass == Pass::backward_weights && !has_weights) continue;
    for (int threads = 1; threads <= omp_get_num_procs(); threads *= 2) {
      const std::string name = peer_and_op + "/" + pass_name + "/" + shape + "/threads:" + std::to_string(threads);
      benchmark::RegisterBenchmark(name.c_str(), [=, pass = pass](benchmark::State& state) {
        omp_set_num_threads(threads);
        try {
          Case made = make(pass);
          made.run();
          for ([[maybe_unused]] auto _ : state) made.run();
          const bool counts_flops = made.flops > 0;
          state.counters[counts_flops ? "GFLOPS" : "GBs"] = benchmark::Counter(
              1e-9 * (counts_flops ? made.flops : made.bytes), benchmark::Counter::kIsIterationInvariantRate);
        } catch (const dnnl::error& error) {
          state.SkipWithError(error.what());  // the library has no such implementation
        }
      })->UseRealTime();
    }
  }
}

// The numbers of each line behind its name.
template <class Take>
void read_lines(const std::string& path, std::size_t count, const Take& take) {
  std::ifstream file(path);
  if (!file) {
    std::fprintf(stderr, "dnnl: %s: can't be read\n", path.c_str());
    std::exit(6);
  }
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string name;
    if (!(words >> name)) continue;
    std::vector<std::int64_t> numbers;
    for (std::int64_t number = 0; words >> number;) numbers.push_back(number);
    if (numbers.size() != count) {
      std::fprintf(stderr, "dnnl: %s: shape '%s' has %zu sizes; expected %zu\n", path.c_str(), name.c_str(),
                   numbers.size(), count);
      std::exit(4);
    }
    take(name, numbers);
  }
}

void register_all(const std::string& folder) {
  const char* own = std::getenv("HONE_BENCH_SHAPES");
  read_lines(own != nullptr && *own != '\0' ? own : folder + "/conv.txt", 10, [&](const auto& name, const auto& v) {
    const Conv p{v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9]};
    const auto add = [&](const std::string& peer, Tag layout, dnnl::algorithm algorithm) {
      register_cases(peer + "/conv", name, true, [=](Pass pass) { return make_conv(p, pass, layout, algorithm); });
    };
    add("dnnl-blocked", Tag::any, dnnl::algorithm::convolution_direct);
    add("dnnl-nhwc", Tag::nhwc, dnnl::algorithm::convolution_direct);
    if (p.r == 3 && p.s == 3 && p.stride == 1 && p.groups == 1)
      add("dnnl-winograd", Tag::any, dnnl::algorithm::convolution_winograd);
  });
  read_lines(folder + "/dense.txt", 3, [&](const auto& name, const auto& v) {
    const Dense p{v[0], v[1], v[2]};
    register_cases("dnnl-plain/dense", name, true, [=](Pass pass) { return make_dense(p, pass); });
  });
  read_lines(folder + "/pool.txt", 7, [&](const auto& name, const auto& v) {
    const Pool p{v[0], v[1], v[2], v[3], v[4], v[5], v[6]};
    const Tag blocked = p.c % 16 == 0 ? Tag::nChw16c : Tag::nchw;
    register_cases("dnnl-blocked/max_pool", name, false, [=](Pass pass) { return make_pool(p, pass, blocked); });
    register_cases("dnnl-nhwc/max_pool", name, false, [=](Pass pass) { return make_pool(p, pass, Tag::nhwc); });
  });
}

}  // namespace

int main(int argc, char** argv) {
  const char* folder = std::getenv("HONE_BENCH_SHAPES_DIR");
  register_all(folder != nullptr ? folder : "bench/shapes");
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const dnnl_version_t* version = dnnl_version();
  benchmark::AddCustomContext("onednn", std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
                                            std::to_string(version->patch));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
