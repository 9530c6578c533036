// Batch normalisation (Ioffe & Szegedy 2015, arXiv:1502.03167): each channel over images and positions. In training two
// passes over the images with the channels' sums between them, in both directions.
#include <cmath>

#include "engine/graph/layer_type.hpp"
#include "engine/layers/blocks.hpp"
#include "engine/layers/options.hpp"

namespace hone {
namespace {

constexpr double kEps = 1e-5;
constexpr double kMomentum = 0.1;  // share of the batch's statistics in the running ones
constexpr std::int64_t kChannelsATask = 16;

template <class T>
struct Planner {
  PlanContext<T>& context;
  const KernelTable<T>& kernels;
  std::int64_t channels, pixels;
  Parameter<T>*gamma, *beta, *running_mean, *running_var;
  bool relu;  // then max(0, .)

  Planner(PlanContext<T>& the_context, Shape shape, const std::string& prefix, bool with_relu)
      : context(the_context),
        kernels(the_context.kernels()),
        channels(shape.c),
        pixels(shape.h * shape.w),
        gamma(the_context.parameter(prefix + ".weight")),
        beta(the_context.parameter(prefix + ".bias")),
        running_mean(the_context.parameter(prefix + ".running_mean")),
        running_var(the_context.parameter(prefix + ".running_var")),
        relu(with_relu) {}

  // Evaluation multiplies by scale and adds shift: the running statistics.
  T running_scale(std::int64_t c) const {
    return gamma->values[c] / std::sqrt(running_var->values[c] + static_cast<T>(kEps));
  }
  T running_shift(std::int64_t c) const { return beta->values[c] - running_mean->values[c] * running_scale(c); }

  void evaluate(Slot<T>* src, Slot<T>* dst, const std::string& prefix) const {
    T* scale = context.persistent(prefix + ".scale", channels);
    T* shift = context.persistent(prefix + ".shift", channels);
    context.prepare([*this, scale, shift] {
      for (std::int64_t c = 0; c < channels; ++c) {
        scale[c] = running_scale(c);
        shift[c] = running_shift(c);
      }
    });
    context.program().over_images(
        "batch_norm", {src, dst},
        [=, channels = channels, pixels = pixels, relu = relu, kernel = kernels.batch_norm_apply](const Task& task) {
          kernel(channels, pixels, src->at(task), {scale, shift}, relu, dst->at(task), task.blocks);
        });
  }

  struct Statistics {
    Slot<T>*mean, *variance, *inverse_deviation, *scale, *shift;

    Scaling<T> scaling() const { return {scale->base, shift->base}; }
  };

  // Mean and variance of the batch from those of its chunks (Chan, Golub & LeVeque 1979), in the order of the chunks.
  void combine(std::int64_t c, const T* moments, const Partition& partition, const Statistics& out) const {
    double count = 0, mean = 0, m2 = 0;
    for (std::int64_t chunk = 0; chunk < partition.chunks; ++chunk) {
      const std::int64_t first = partition.first_block(chunk) * partition.lanes;
      const std::int64_t images = std::min(partition.blocks_of(chunk) * partition.lanes, partition.batch - first);
      const auto n = static_cast<double>(images * pixels);
      const T* chunk_moments = moments + (chunk * channels + c) * 2;
      const double delta = static_cast<double>(chunk_moments[0]) - mean;
      m2 += static_cast<double>(chunk_moments[1]) + delta * delta * count * n / (count + n);
      mean += delta * n / (count + n);
      count += n;
    }
    const double inverse = 1 / std::sqrt(m2 / count + kEps);
    out.mean->base[c] = static_cast<T>(mean);
    out.inverse_deviation->base[c] = static_cast<T>(inverse);
    out.scale->base[c] = gamma->values[c] * static_cast<T>(inverse);
    out.shift->base[c] = beta->values[c] - static_cast<T>(mean) * out.scale->base[c];
    out.variance->base[c] = static_cast<T>(m2 / (count > 1 ? count - 1 : 1));
  }

  // Moves the running statistics towards the batch's.
  void update(const Statistics& batch) const {
    const auto keep = static_cast<T>(1 - kMomentum), take = static_cast<T>(kMomentum);
    for (std::int64_t c = 0; c < channels; ++c) {
      running_mean->values[c] = keep * running_mean->values[c] + take * batch.mean->base[c];
      running_var->values[c] = keep * running_var->values[c] + take * batch.variance->base[c];
    }
  }

  Statistics forward(Slot<T>* src, Slot<T>* dst) const {
    const Statistics out{context.whole(channels), context.whole(channels), context.whole(channels),
                         context.whole(channels), context.whole(channels)};
    Slot<T>* moments = context.per_chunk(2 * channels);
    const std::int64_t n_channels = channels, n_pixels = pixels;
    context.program().over_images(
        "batch_norm_moments", {src, moments}, [=, kernel = kernels.batch_norm_moments](const Task& task) {
          kernel(n_channels, n_pixels, src->at(task), moments->at(task), task.blocks, task.valid);
        });
    const Panels panels(channels, kChannelsATask);
    context.program().tasks(
        "batch_norm_combine", {moments, out.mean, out.variance, out.inverse_deviation, out.scale, out.shift},
        panels.count, [*this, panels, moments, partition = context.partition(), out](const Task& task) {
          for (std::int64_t c = panels.begin(task.index); c < panels.end(task.index); ++c)
            combine(c, moments->base, partition, out);
        });
    context.program().over_images("batch_norm", {src, dst, out.scale, out.shift},
                                  [=, with_relu = relu, kernel = kernels.batch_norm_apply](const Task& task) {
                                    kernel(n_channels, n_pixels, src->at(task), {out.scale->base, out.shift->base},
                                           with_relu, dst->at(task), task.blocks);
                                  });
    context.program().keep(out.mean);
    context.program().keep(out.variance);
    context.on_update([*this, out] { update(out); });
    return out;
  }

  // With xhat = (x - mean) / deviation and m values a channel:
  // dx = gamma / deviation * (dy - sum(dy) / m - xhat sum(dy xhat) / m) = a dy + b x + d.
  void backward(Value<T>* in, Slot<T>* src, Slot<T>* diff, const Statistics& statistics) const {
    Slot<T>* sums = context.per_chunk(2 * channels);
    const std::int64_t n_channels = channels, n_pixels = pixels;
    const bool cut = relu;  // max(0, .) lets nothing through where its input is not above zero
    context.program().over_images(
        "batch_norm_backward_sums", {src, diff, statistics.mean, statistics.scale, statistics.shift, sums},
        [=, kernel = kernels.batch_norm_backward_sums](const Task& task) {
          kernel(n_channels, n_pixels, src->at(task), diff->at(task), cut ? statistics.scaling() : Scaling<T>{},
                 statistics.mean->base, sums->at(task), task.blocks);
        });
    Slot<T>*a = context.whole(channels), *b = context.whole(channels), *d = context.whole(channels);
    const Panels panels(channels, kChannelsATask);
    context.program().tasks(
        "batch_norm_backward_combine", {sums, statistics.mean, statistics.inverse_deviation, a, b, d}, panels.count,
        [*this, panels, sums, statistics, a, b, d, partition = context.partition()](const Task& task) {
          for (std::int64_t c = panels.begin(task.index); c < panels.end(task.index); ++c) {
            T sum = 0, product = 0;
            for (std::int64_t chunk = 0; chunk < partition.chunks; ++chunk) {
              sum += sums->base[(chunk * channels + c) * 2];
              product += sums->base[(chunk * channels + c) * 2 + 1];
            }
            const T inverse = statistics.inverse_deviation->base[c], m = static_cast<T>(partition.batch * pixels);
            gamma->gradient[c] = product * inverse;
            beta->gradient[c] = sum;
            a->base[c] = gamma->values[c] * inverse;
            b->base[c] = -a->base[c] * product * inverse * inverse / m;
            d->base[c] = -a->base[c] * sum / m - b->base[c] * statistics.mean->base[c];
          }
        });
    context.add_diff(in, [&](Slot<T>* diff_in) {
      context.program().over_images(
          "batch_norm_backward", {src, diff, a, b, d, statistics.scale, statistics.shift, diff_in},
          [=, kernel = kernels.batch_norm_backward_apply](const Task& task) {
            kernel(n_channels, n_pixels, src->at(task), diff->at(task), cut ? statistics.scaling() : Scaling<T>{},
                   a->base, b->base, d->base, diff_in->at(task), task.blocks, task.valid);
          });
    });
  }
};

}  // namespace

template <class T>
Value<T>* plan_batch_norm(PlanContext<T>& context, Value<T>* in, const std::string& prefix, bool relu) {
  const Planner<T> planner(context, in->shape, prefix, relu);
  Value<T>* out = context.value(in->shape);
  if (!context.training()) {
    planner.evaluate(in->data, out->data, prefix);
    return out;
  }
  const auto statistics = planner.forward(in->data, out->data);
  context.on_backward([=] { planner.backward(in, in->data, out->diff, statistics); });
  return out;
}

namespace {

template <class T>
FoldedConvolution<T> fold(PlanContext<T>& context, const ConvShape& shape, const std::string& path) {
  const Planner<T> planner(context, {shape.k, shape.out_h, shape.out_w}, path + ".bn", false);
  const Parameter<T>*weights = context.parameter(path + ".weight"), *bias = context.parameter(path + ".bias");
  T* folded = context.persistent(path + ".folded_weight", shape.weights());
  T* folded_bias = context.persistent(path + ".folded_bias", shape.k);
  return {folded, folded_bias, [=] {
            const std::int64_t filter = shape.weights() / shape.k;
            for (std::int64_t k = 0; k < shape.k; ++k) {
              const T scale = planner.running_scale(k);
              for (std::int64_t i = k * filter; i < (k + 1) * filter; ++i) folded[i] = weights->values[i] * scale;
              folded_bias[k] = planner.running_shift(k) + (bias ? bias->values[k] * scale : T(0));
            }
          }};
}

}  // namespace

template <class T>
Value<T>* plan_normalized_convolution(PlanContext<T>& context, const ConvShape& shape, Value<T>* in,
                                      const std::string& path, bool relu) {
  if (!context.training()) {
    const std::optional<FoldedConvolution<T>> folded = fold(context, shape, path);
    return plan_convolution(context, shape, in, path, relu, folded);
  }
  Value<T>* out = plan_convolution(context, shape, in, path, false);
  return plan_batch_norm(context, out, path + ".bn", relu);
}

template Value<float>* plan_batch_norm(PlanContext<float>&, Value<float>*, const std::string&, bool);
template Value<double>* plan_batch_norm(PlanContext<double>&, Value<double>*, const std::string&, bool);
template Value<float>* plan_normalized_convolution(PlanContext<float>&, const ConvShape&, Value<float>*,
                                                   const std::string&, bool);
template Value<double>* plan_normalized_convolution(PlanContext<double>&, const ConvShape&, Value<double>*,
                                                    const std::string&, bool);

namespace {

Shape infer(InferContext& context, const Component& spec, Shape in, const std::string& path) {
  context.batch_norm(path, in.c);
  context.layer(path, spec.type, in, 2 * in.c, 0);
  return in;
}

template <class T>
Value<T>* plan(PlanContext<T>& context, const Component&, Value<T>* in, const std::string& path) {
  return plan_batch_norm(context, in, path, false);
}

}  // namespace

extern const LayerType kBatchNorm{{"batch_norm", "batch normalisation over the images and positions of a channel", {}},
                                  infer,
                                  plan<float>,
                                  plan<double>};

}  // namespace hone
