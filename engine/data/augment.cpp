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
    const auto width = static_cast<double>(shape_.w), height = static_cast<double>(shape_.h);
    const double centre_x = (width - 1) / 2, centre_y = (height - 1) / 2;
    const auto within = [](double at, double lo, double hi) { return at >= lo - 0.5 && at < hi - 0.5; };
    const std::int64_t plane = shape_.h * shape_.w;
    for (std::int64_t i = 0; i < plane; ++i) {
      double x = static_cast<double>(i % shape_.w), y = static_cast<double>(i / shape_.w);
      bool visible = true;
      for (std::size_t s = steps.size(); visible && s-- > 0;) {
        const Step& step = steps[s];
        if (within(x, step.hole_x.lo, step.hole_x.hi) && within(y, step.hole_y.lo, step.hole_y.hi)) visible = false;
        const double right = x - centre_x, down = y - centre_y;
        if (step.turns) {
          x = step.cos * right - step.sin * down + centre_x;
          y = step.sin * right + step.cos * down + centre_y;
        }
        x = step.x.sign * x + step.x.shift;
        y = step.y.sign * y + step.y.shift;
        visible = visible && within(x, 0, width) && within(y, 0, height);
      }
      for (std::int64_t c = 0; c < shape_.c; ++c)
        dst[c * plane + i] = visible ? interpolate(src + c * plane, x, y) : 0.0f;
    }
  }

  // Bilinear, x and y at least -1; what is outside counts as 0.
  float interpolate(const std::uint8_t* plane, double x, double y) const noexcept {
    const auto left = static_cast<std::int64_t>(x + 1) - 1, top = static_cast<std::int64_t>(y + 1) - 1;
    const double right_share = x - static_cast<double>(left), bottom_share = y - static_cast<double>(top);
    const auto at = [&](std::int64_t row, std::int64_t column) {
      const bool inside = row >= 0 && row < shape_.h && column >= 0 && column < shape_.w;
      return inside ? static_cast<double>(plane[row * shape_.w + column]) : 0.0;
    };
    const double upper = (1 - right_share) * at(top, left) + right_share * at(top, left + 1);
    const double lower = (1 - right_share) * at(top + 1, left) + right_share * at(top + 1, left + 1);
    return static_cast<float>((1 - bottom_share) * upper + bottom_share * lower);
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
