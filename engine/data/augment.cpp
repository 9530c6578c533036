#include "engine/data/augment.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <string>

#include "engine/base/error.hpp"
#include "engine/base/portable_math.hpp"
#include "engine/base/rng.hpp"

namespace hone {
namespace {

// Places lo .. hi - 1 along an axis.
struct Interval {
  int lo = 0;
  int hi = 0;
};

// Where along an axis a pixel comes from: sign * x + shift.
struct Axis {
  int sign = 1;
  int shift = 0;

  // The places whose source lies in `wanted`.
  Interval from(Interval wanted) const {
    if (sign > 0) return {wanted.lo - shift, wanted.hi - shift};
    return {shift - wanted.hi + 1, shift - wanted.lo + 1};
  }
};

// One augmentation as drawn for one image, seen from its result: pixel (x, y) is 0 inside of the hole; elsewhere it
// comes from (x, y), turned about the image's centre, then mirrored and shifted.
struct Step {
  Axis x, y;
  double cos = 1, sin = 0;
  bool turns = false;
  Interval hole_x, hole_y;
};

using Draw = std::function<Step(Random&)>;

// To add an augmentation: its options and its function here, and its line in kTypes.
struct AugmentType {
  ComponentType type;
  Draw (*make)(const Component& component, const Shape& shape);
};

constexpr double kLargest = 8192;  // pixels

[[noreturn]] void does_not_suit(const Component& component, std::int64_t value, const Shape& shape) {
  throw Error(ErrorKind::config, component.where,
              component.type + " of " + std::to_string(value) + " pixels does not suit images of " + to_string(shape) +
                  "; expected less than their smaller side");
}

std::int64_t pixels_within(const Component& component, std::string_view option, const Shape& shape) {
  const std::int64_t value = component.integer(option);
  if (value >= std::min(shape.h, shape.w)) does_not_suit(component, value, shape);
  return value;
}

// Uniform in -most .. most.
int draw_offset(Random& random, std::int64_t most) {
  return static_cast<int>(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(2 * most + 1))) - most);
}

Draw translation(std::int64_t most) {
  return [most](Random& random) {
    Step step;
    step.x.shift = draw_offset(random, most);
    step.y.shift = draw_offset(random, most);
    return step;
  };
}

constexpr OptionSpec kShiftOptions[] = {
    {"pixels", OptionKind::integer, "", "largest distance along each axis", 0, kLargest, {}, true}};
Draw make_shift(const Component& component, const Shape& shape) {
  return translation(pixels_within(component, "pixels", shape));
}

constexpr std::string_view kDirections[] = {"horizontal", "vertical"};
constexpr OptionSpec kFlipOptions[] = {
    {"direction", OptionKind::choice, "horizontal", "left and right, or top and bottom", 0, 0, kDirections, true},
    {"probability", OptionKind::real, "0.5", "share of the images that are flipped", 0, 1}};
Draw make_flip(const Component& component, const Shape& shape) {
  const bool vertical = component.choice("direction") == "vertical";
  const double probability = component.real("probability");
  const int last = static_cast<int>(vertical ? shape.h : shape.w) - 1;
  return [vertical, probability, last](Random& random) {
    Step step;
    if (random.uniform() < probability) (vertical ? step.y : step.x) = {-1, last};
    return step;
  };
}

constexpr OptionSpec kRotateOptions[] = {
    {"degrees", OptionKind::real, "", "largest angle, either way; bilinear", 0, 180, {}, true}};
Draw make_rotate(const Component& component, const Shape&) {
  const double most = component.real("degrees") * (3.14159265358979323846 / 180);
  return [most](Random& random) {
    const auto [sin, cos] = portable::sin_cos(most * (2 * random.uniform() - 1));
    Step step;
    step.cos = cos;
    step.sin = sin;
    step.turns = true;
    return step;
  };
}

constexpr OptionSpec kCutoutOptions[] = {
    {"size", OptionKind::integer, "", "side of the square that becomes 0", 1, kLargest, {}, true}};
// DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout" (2017): the centre is any
// pixel, so that the square may lie partly outside.
Draw make_cutout(const Component& component, const Shape& shape) {
  const auto size = static_cast<int>(pixels_within(component, "size", shape));
  return [size, shape](Random& random) {
    Step step;
    step.hole_x.lo = static_cast<int>(random.below(static_cast<std::uint64_t>(shape.w))) - size / 2;
    step.hole_y.lo = static_cast<int>(random.below(static_cast<std::uint64_t>(shape.h))) - size / 2;
    step.hole_x.hi = step.hole_x.lo + size;
    step.hole_y.hi = step.hole_y.lo + size;
    return step;
  };
}

constexpr OptionSpec kCropOptions[] = {
    {"padding", OptionKind::integer, "", "pixels of 0 put around the image first", 0, kLargest, {}, true}};
// A window of the image's own size in the padded image: the same as a shift by up to the padding.
Draw make_crop(const Component& component, const Shape& shape) {
  return translation(pixels_within(component, "padding", shape));
}

constexpr std::array<AugmentType, 5> kTypes = {{
    {{"shift", "moves the image by a random number of pixels along each axis", kShiftOptions}, make_shift},
    {{"flip", "mirrors some of the images", kFlipOptions}, make_flip},
    {{"rotate", "turns the image by a random angle about its centre", kRotateOptions}, make_rotate},
    {{"cutout", "blanks a square at a random place", kCutoutOptions}, make_cutout},
    {{"crop", "pads the image, then takes a random window of its size", kCropOptions}, make_crop},
}};

constexpr auto kComponentTypes = [] {
  std::array<const ComponentType*, kTypes.size()> types{};
  for (std::size_t i = 0; i < types.size(); ++i) types[i] = &kTypes[i].type;
  return types;
}();

Interval intersect(Interval a, Interval b) { return {std::max(a.lo, b.lo), std::min(a.hi, b.hi)}; }

class Composition final : public Augmenter {
 public:
  Composition(std::span<const Component> list, std::uint64_t seed, const Shape& shape)
      : key_(derive_key(seed, "augment")), shape_(shape) {
    if (list.size() > kMaxAugmentations)
      throw Error(ErrorKind::config, list[kMaxAugmentations].where,
                  "more than " + std::to_string(kMaxAugmentations) + " augmentations");
    for (const Component& component : list) {
      const auto found = std::find_if(kTypes.begin(), kTypes.end(),
                                      [&](const AugmentType& type) { return type.type.name == component.type; });
      if (found == kTypes.end())
        throw Error(ErrorKind::internal, component.where, "no augmentation '" + component.type + "'");
      draws_.push_back(found->make(component, shape));
    }
  }

  void apply(const std::uint8_t* src, std::uint32_t id, std::uint64_t epoch, float* dst) const noexcept override {
    std::array<Step, kMaxAugmentations> storage;
    bool turns = false;
    for (std::size_t i = 0; i < draws_.size(); ++i) {
      Random random(key_, epoch << 32 | id, std::uint64_t{i} << 32);
      storage[i] = draws_[i](random);
      turns = turns || storage[i].turns;
    }
    const std::span<const Step> steps(storage.data(), draws_.size());
    turns ? sample(steps, src, dst) : copy(steps, src, dst);
  }

 private:
  // Without turning, every pixel is one of the image's, or 0: rows are copied forwards or backwards.
  void copy(std::span<const Step> steps, const std::uint8_t* src, float* dst) const noexcept {
    const int width = static_cast<int>(shape_.w), height = static_cast<int>(shape_.h);
    Axis x, y;                                 // from the result to the step at hand
    Interval in_x{0, width}, in_y{0, height};  // what does not come from outside
    std::array<std::array<Interval, 2>, kMaxAugmentations> holes;
    std::size_t hole_count = 0;
    for (std::size_t i = steps.size(); i-- > 0;) {
      const Step& step = steps[i];
      if (step.hole_x.lo < step.hole_x.hi)
        holes[hole_count++] = {intersect(x.from(step.hole_x), {0, width}), intersect(y.from(step.hole_y), {0, height})};
      x = {step.x.sign * x.sign, step.x.sign * x.shift + step.x.shift};
      y = {step.y.sign * y.sign, step.y.sign * y.shift + step.y.shift};
      in_x = intersect(in_x, x.from({0, width}));
      in_y = intersect(in_y, y.from({0, height}));
    }
    for (int c = 0; c < static_cast<int>(shape_.c); ++c, src += width * height, dst += width * height) {
      std::fill_n(dst, width * height, 0.0f);
      for (int row = in_y.lo; row < in_y.hi; ++row) {
        const std::uint8_t* from = src + (y.sign * row + y.shift) * width;
        for (int column = in_x.lo; column < in_x.hi; ++column)
          dst[row * width + column] = static_cast<float>(from[x.sign * column + x.shift]);
      }
      for (std::size_t i = 0; i < hole_count; ++i)
        for (int row = holes[i][1].lo; row < holes[i][1].hi; ++row)
          for (int column = holes[i][0].lo; column < holes[i][0].hi; ++column) dst[row * width + column] = 0;
    }
  }

  // Follows each pixel of the result back through the steps to a place in the image, and interpolates there.
  void sample(std::span<const Step> steps, const std::uint8_t* src, float* dst) const noexcept {
    const std::int64_t plane = shape_.h * shape_.w;
    for (std::int64_t row = 0, i = 0; row < shape_.h; ++row)
      for (std::int64_t column = 0; column < shape_.w; ++column, ++i) {
        double x = static_cast<double>(column), y = static_cast<double>(row);
        if (trace(steps, x, y)) {
          const Corners corners = around(x, y);
          for (std::int64_t c = 0; c < shape_.c; ++c) dst[c * plane + i] = corners.blend(src + c * plane);
        } else {
          for (std::int64_t c = 0; c < shape_.c; ++c) dst[c * plane + i] = 0;
        }
      }
  }

  // From a place in the result to the one in the image; false where a hole or the outside is met on the way.
  bool trace(std::span<const Step> steps, double& x, double& y) const noexcept {
    const auto width = static_cast<double>(shape_.w), height = static_cast<double>(shape_.h);
    const auto within = [](double at, double lo, double hi) { return at >= lo - 0.5 && at < hi - 0.5; };
    for (std::size_t s = steps.size(); s-- > 0;) {
      const Step& step = steps[s];
      if (within(x, step.hole_x.lo, step.hole_x.hi) && within(y, step.hole_y.lo, step.hole_y.hi)) return false;
      if (step.turns) {
        const double right = x - (width - 1) / 2, down = y - (height - 1) / 2;
        x = step.cos * right - step.sin * down + (width - 1) / 2;
        y = step.sin * right + step.cos * down + (height - 1) / 2;
      }
      x = step.x.sign * x + step.x.shift;
      y = step.y.sign * y + step.y.shift;
      if (!within(x, 0, width) || !within(y, 0, height)) return false;
    }
    return true;
  }

  // The four pixels around a place, with their bilinear weights; weight 0 for what is outside.
  struct Corners {
    std::array<std::int64_t, 4> at;
    std::array<double, 4> weight;

    float blend(const std::uint8_t* plane) const noexcept {
      return static_cast<float>((weight[0] * plane[at[0]] + weight[1] * plane[at[1]]) +
                                (weight[2] * plane[at[2]] + weight[3] * plane[at[3]]));
    }
  };

  // x from -0.5 to below width - 0.5, y likewise.
  Corners around(double x, double y) const noexcept {
    const auto left = static_cast<std::int64_t>(x + 1) - 1, top = static_cast<std::int64_t>(y + 1) - 1;
    const double right_share = x - static_cast<double>(left), lower_share = y - static_cast<double>(top);
    const double in_left = left >= 0 ? 1 - right_share : 0, in_right = left + 1 < shape_.w ? right_share : 0;
    const double in_top = top >= 0 ? 1 - lower_share : 0, in_lower = top + 1 < shape_.h ? lower_share : 0;
    const std::int64_t x0 = std::max<std::int64_t>(left, 0), x1 = std::min(left + 1, shape_.w - 1);
    const std::int64_t y0 = std::max<std::int64_t>(top, 0) * shape_.w, y1 = std::min(top + 1, shape_.h - 1) * shape_.w;
    return {{y0 + x0, y0 + x1, y1 + x0, y1 + x1},
            {in_top * in_left, in_top * in_right, in_lower * in_left, in_lower * in_right}};
  }

  std::uint64_t key_;
  Shape shape_;
  std::vector<Draw> draws_;
};

}  // namespace

std::span<const ComponentType* const> augment_types() { return kComponentTypes; }

std::unique_ptr<Augmenter> make_augmenter(std::span<const Component> list, std::uint64_t seed, const Shape& shape) {
  if (list.empty()) return nullptr;
  return std::make_unique<Composition>(list, seed, shape);
}

}  // namespace hone
