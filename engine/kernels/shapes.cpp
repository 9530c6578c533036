#include "engine/kernels/shapes.hpp"

#include <algorithm>
#include <numeric>

namespace hone {
namespace {

// Appends output `out` to the last run where it continues it, else starts a new one.
void append(std::vector<AxisRun>& runs, const AxisRun& one, bool may_join) {
  if (may_join && !runs.empty()) {
    AxisRun& last = runs.back();
    if (last.taps == one.taps && last.tap_first == one.tap_first &&
        last.out_first + last.count * last.out_step == one.out_first &&
        (one.taps == 0 || last.src_first + last.count * last.src_step == one.src_first)) {
      ++last.count;
      return;
    }
  }
  runs.push_back(one);
}

// What of the runs is in outputs [begin, end).
std::vector<AxisRun> runs_within(const std::vector<AxisRun>& runs, std::int64_t begin, std::int64_t end) {
  std::vector<AxisRun> within;
  for (AxisRun run : runs) {
    const auto outputs_below = [&](std::int64_t limit) {
      return std::clamp<std::int64_t>((limit - run.out_first + run.out_step - 1) / run.out_step, 0, run.count);
    };
    const std::int64_t first = outputs_below(begin);
    run.count = outputs_below(end) - first;
    run.out_first += first * run.out_step;
    run.src_first += first * run.src_step;
    if (run.count > 0) within.push_back(run);
  }
  return within;
}

// Of an image of h x w outputs, rows [begin, end). Kernels may have made one row of all its pixels.
void keep_rows(std::vector<AxisRun>& rows, std::vector<AxisRun>& columns, std::int64_t begin, std::int64_t end,
               std::int64_t h, std::int64_t w) {
  const bool one_row = h > 1 && rows.size() == 1 && rows[0].count == 1;
  if (one_row)
    columns = runs_within(columns, begin * w, end * w);
  else
    rows = runs_within(rows, begin, end);
}

}  // namespace

std::vector<AxisRun> forward_runs(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                                  std::int64_t pad, std::int64_t dilation) {
  std::vector<AxisRun> runs;
  for (std::int64_t o = 0; o < out; ++o) {
    const std::int64_t start = o * stride - pad;
    std::int64_t first = 0;
    while (first < kernel && start + first * dilation < 0) ++first;
    std::int64_t end = first;
    while (end < kernel && start + end * dilation < in) ++end;
    AxisRun run;
    run.out_first = o;
    run.count = 1;
    run.src_step = stride;
    run.src_tap_step = dilation;
    run.tap_first = first;
    run.taps = end - first;
    run.src_first = run.taps > 0 ? start + first * dilation : 0;
    append(runs, run, true);
  }
  return runs;
}

std::vector<AxisRun> backward_runs(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                                   std::int64_t pad, std::int64_t dilation) {
  std::vector<AxisRun> runs;
  const std::int64_t tap_step = stride / std::gcd(stride, dilation);
  for (std::int64_t residue = 0; residue < stride; ++residue) {
    bool first_of_class = true;
    for (std::int64_t i = residue; i < in; i += stride) {
      AxisRun run;
      run.out_first = i;
      run.out_step = stride;
      run.count = 1;
      run.tap_step = tap_step;
      run.src_tap_step = dilation * tap_step / stride;
      for (std::int64_t tap = kernel - 1; tap >= 0; --tap) {
        const std::int64_t numerator = i + pad - tap * dilation;
        if (numerator < 0 || numerator % stride != 0 || numerator / stride >= out) continue;
        if (run.taps == 0) {
          run.tap_first = kernel - 1 - tap;
          run.src_first = numerator / stride;
        }
        ++run.taps;
      }
      append(runs, run, !first_of_class);
      first_of_class = false;
    }
  }
  return runs;
}

void join_ends(std::vector<AxisRun>& runs) {
  const auto middle =
      std::find_if(runs.begin(), runs.end(), [](const AxisRun& run) { return run.taps == 3 && run.count > 0; });
  if (middle == runs.end() || runs.size() > 3) return;
  AxisRun all = *middle;
  if (all.src_step != 1 || all.out_step != 1 || all.src_tap_step != 1 || all.tap_step != 1) return;
  for (const AxisRun& run : runs) {
    if (&run == &*middle) continue;
    if (run.count != 1 || run.taps != 2) return;
    if (&run < &*middle && run.tap_first == middle->tap_first + middle->tap_step && !all.lacks_first) {
      --all.out_first;
      --all.src_first;
      all.lacks_first = true;
    } else if (&run > &*middle && run.tap_first == middle->tap_first && !all.lacks_last) {
      all.lacks_last = true;
    } else {
      return;
    }
    ++all.count;
  }
  runs = {all};
}

ConvPlan::ConvPlan(const ConvShape& conv)
    : shape(conv),
      rows(forward_runs(conv.h, conv.out_h, conv.r, conv.stride_h, conv.pad_h, conv.dilation_h)),
      columns(forward_runs(conv.w, conv.out_w, conv.s, conv.stride_w, conv.pad_w, conv.dilation_w)),
      backward_rows(backward_runs(conv.h, conv.out_h, conv.r, conv.stride_h, conv.pad_h, conv.dilation_h)),
      backward_columns(backward_runs(conv.w, conv.out_w, conv.s, conv.stride_w, conv.pad_w, conv.dilation_w)) {}

bool ConvPoolPlan::possible() const {
  return conv.groups == 1 && conv.stride_h == 1 && conv.stride_w == 1 && conv.dilation_h == 1 && conv.dilation_w == 1 &&
         pool.stride_h == pool.size_h && pool.stride_w == pool.size_w && pool.pad_h == 0 && pool.pad_w == 0;
}

std::string describe(const ConvPlan& plan, const std::string& isa) {
  if (plan.packed == 0) return isa;
  return "direct " + isa + ", tiles of " + std::to_string(plan.tile_k) + " channels" +
         (plan.listed ? ", terms from a list" : "") +
         (plan.weights_scratch > 0 ? ", weights from transposed rows" : "");
}

ConvPlan ConvPlan::only_rows(std::int64_t begin, std::int64_t end) const {
  ConvPlan part = *this;
  keep_rows(part.rows, part.columns, begin, end, shape.out_h, shape.out_w);
  return part;
}

ConvPlan ConvPlan::only_backward_rows(std::int64_t begin, std::int64_t end) const {
  ConvPlan part = *this;
  keep_rows(part.backward_rows, part.backward_columns, begin, end, shape.h, shape.w);
  return part;
}

}  // namespace hone
