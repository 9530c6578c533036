#include "engine/graph/program.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace hone {

Partition Partition::make(std::int64_t batch, std::int64_t lanes, bool training) {
  Partition p;
  p.batch = batch;
  p.lanes = lanes;
  p.blocks = (batch + lanes - 1) / lanes;
  p.chunks = training ? std::min(p.blocks, kMaxChunks) : p.blocks;
  return p;
}

template <class T>
Program<T>::Program(const Partition& partition, int threads, const std::atomic<int>* stop)
    : partition_(partition), threads_(threads), abandonment_(stop) {}

template <class T>
Slot<T>* Program<T>::add_slot(typename Slot<T>::Kind kind, std::int64_t size) {
  slots_.push_back(std::make_unique<Slot<T>>());
  slots_.back()->kind = kind;
  slots_.back()->size = size;
  return slots_.back().get();
}

template <class T>
void Program<T>::use(Slot<T>* slot) {
  const int phase = static_cast<int>(phases_.size()) - 1;
  if (slot->first_op < 0) {
    slot->first_op = ops_;
    slot->first_phase = phase;
  }
  slot->last_op = ops_;
  slot->last_phase = phase;
}

template <class T>
void Program<T>::over_images(std::string name, std::initializer_list<Slot<T>*> uses,
                             std::function<void(const Task&)> run) {
  if (!open_) {
    phases_.push_back({{}, partition_.chunks, true});
    open_ = true;
  }
  phases_.back().ops.push_back({std::move(name), ops_, std::move(run)});
  for (Slot<T>* slot : uses)
    if (slot != nullptr) use(slot);
  ++ops_;
}

template <class T>
void Program<T>::tasks(std::string name, std::initializer_list<Slot<T>*> uses, std::int64_t count,
                       std::function<void(const Task&)> run) {
  phases_.push_back({{}, count, false});
  open_ = false;
  phases_.back().ops.push_back({std::move(name), ops_, std::move(run)});
  for (Slot<T>* slot : uses)
    if (slot != nullptr) use(slot);
  ++ops_;
}

template <class T>
void Program<T>::begin_lasting() {
  open_ = false;
  lasting_ = phases_.size();
}

template <class T>
void Program<T>::keep(Slot<T>* slot) {
  kept_.push_back(slot);
}

template <class T>
bool Program<T>::is_local(const Slot<T>& slot) const {
  if (slot.kind == Slot<T>::Kind::per_thread) return true;
  return slot.kind == Slot<T>::Kind::images && slot.first_phase == slot.last_phase &&
         std::find(kept_.begin(), kept_.end(), &slot) == kept_.end() &&
         phases_[static_cast<std::size_t>(slot.first_phase)].over_images;
}

template <class T>
std::int64_t Program<T>::assign() {
  using Kind = typename Slot<T>::Kind;
  const auto last_phase = static_cast<int>(phases_.size());
  for (Slot<T>* slot : kept_) slot->last_phase = last_phase;
  bookings_.assign(slots_.size(), -1);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot<T>& slot = *slots_[i];
    if (slot.first_op < 0) continue;
    const auto bytes = [](std::int64_t count) { return count * static_cast<std::int64_t>(sizeof(T)); };
    const std::int64_t block = slot.size * partition_.lanes;
    if (is_local(slot)) {
      const std::int64_t size = slot.kind == Kind::per_thread ? slot.size : block * partition_.most_blocks();
      bookings_[i] = local_.book(bytes(size), slot.first_op, slot.last_op);
      continue;
    }
    std::int64_t size = slot.size;
    if (slot.kind == Kind::images) {
      slot.block_stride = block;
      size = block * partition_.blocks;
    } else if (slot.kind == Kind::per_chunk) {
      slot.chunk_stride = slot.size;
      size = slot.size * partition_.chunks;
    }
    bookings_[i] = shared_.book(bytes(size), slot.first_phase, slot.last_phase);
  }
  shared_.assign();
  local_.assign();
  cursors_ = std::vector<std::atomic<std::int64_t>>((phases_.size() + 1) * static_cast<std::size_t>(threads_));
  crews_ = std::vector<Crew>(static_cast<std::size_t>(threads_));
  return shared_.size() + local_.size() * threads_;
}

template <class T>
void Program<T>::place(std::byte* memory) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot<T>& slot = *slots_[i];
    if (bookings_[i] < 0) continue;
    const bool local = is_local(slot);
    const std::int64_t offset = local ? shared_.size() + local_.offset(bookings_[i]) : shared_.offset(bookings_[i]);
    slot.base = reinterpret_cast<T*>(memory + offset);
    if (local) slot.thread_stride = local_.size() / static_cast<std::int64_t>(sizeof(T));
  }
}

template <class T>
bool Program<T>::run(const StepState& state, bool prepare, Team& team) noexcept {
  state_ = state;
  prepare_ = prepare;
  abandonment_.reset();
  for (std::size_t row = 0; row <= phases_.size(); ++row) {
    const auto tasks = row == 0 ? static_cast<std::int64_t>(preparations_.size()) : phases_[row - 1].tasks;
    for (int t = 0; t < threads_; ++t)
      cursors_[row * static_cast<std::size_t>(threads_) + static_cast<std::size_t>(t)].store(tasks * t / threads_,
                                                                                             std::memory_order_relaxed);
  }
  team.run([](void* self, int thread,
              Barrier& barrier) noexcept { static_cast<Program*>(self)->run_on_thread(thread, barrier); },
           this);
  return !abandonment_.decided();
}

// A thread takes the tasks of its own share first, then those that others have left: who runs a task changes nothing
// in the result, and a thread that is held up costs no more than the task it is in.
template <class T>
template <class Run>
void Program<T>::share_out(std::size_t row, std::int64_t tasks, int thread, const Run& run) noexcept {
  for (int i = 0; i < threads_ && thread < threads_; ++i) {
    const int share = (thread + i) % threads_;
    const std::int64_t end = tasks * (share + 1) / threads_;
    auto& cursor = cursors_[row * static_cast<std::size_t>(threads_) + static_cast<std::size_t>(share)];
    while (cursor.load(std::memory_order_relaxed) < end) {
      const std::int64_t index = cursor.fetch_add(1, std::memory_order_relaxed);
      if (index >= end) break;
      run(index);
    }
  }
}

template <class T>
void Program<T>::run_on_thread(int thread, Barrier& barrier) noexcept {
  if (thread < threads_) crews_[static_cast<std::size_t>(thread)].meet(threads_ > 1 ? &barrier : nullptr);
  if (prepare_) {
    share_out(0, static_cast<std::int64_t>(preparations_.size()), thread, [&](std::int64_t index) {
      if (!abandonment_.look()) preparations_[static_cast<std::size_t>(index)]();
    });
    barrier.wait();
  }
  for (std::size_t p = 0; p < phases_.size(); ++p) {
    // Decided before the threads met or never: no task from here on looks. So all of them leave here, or none does.
    if (p == lasting_ && abandonment_.decided()) return;
    share_out(p + 1, phases_[p].tasks, thread, [&](std::int64_t index) { run_task(p, index, thread); });
    barrier.wait([](void* self, int helper) noexcept { return static_cast<Program*>(self)->help(helper); }, this,
                 thread);
  }
}

template <class T>
void Program<T>::run_task(std::size_t number, std::int64_t index, int thread) noexcept {
  const Phase& phase = phases_[number];
  Task task;
  task.index = index;
  task.thread = thread;
  task.state = &state_;
  task.crew = &crews_[static_cast<std::size_t>(thread)];
  task.abandonment = number < lasting_ ? &abandonment_ : nullptr;
  if (phase.over_images) {
    task.first_block = partition_.first_block(index);
    task.blocks = std::min(partition_.blocks_of(index), state_.blocks - task.first_block);
    if (task.blocks <= 0) return;
    task.first_image = task.first_block * partition_.lanes;
    task.valid = std::min(task.blocks * partition_.lanes, state_.batch->size - task.first_image);
  }
  for (const Op& op : phase.ops) {
    if (task.given_up()) return;
    run_op(op, task);
  }
}

template <class T>
void Program<T>::run_op(const Op& op, const Task& task) noexcept {
  task.crew->set_label(op.number);
  if (seconds_.empty()) {
    op.run(task);
    return;
  }
  const auto start = std::chrono::steady_clock::now();
  op.run(task);
  seconds_[time_at(task.thread, op.number)] +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Runs a part of what one of the other threads is at; false: there is none.
template <class T>
bool Program<T>::help(int thread) noexcept {
  using Clock = std::chrono::steady_clock;
  for (int i = 1; i < threads_ && thread < threads_; ++i) {
    const auto start = seconds_.empty() ? Clock::time_point() : Clock::now();
    const int op = crews_[static_cast<std::size_t>((thread + i) % threads_)].help();
    if (op < 0) continue;
    if (!seconds_.empty()) seconds_[time_at(thread, op)] += std::chrono::duration<double>(Clock::now() - start).count();
    return true;
  }
  return false;
}

template <class T>
void Program<T>::time_ops() {
  seconds_.assign(time_at(threads_, 0), 0);
}

template <class T>
std::vector<OpTime> Program<T>::op_times() const {
  std::vector<OpTime> times;
  for (const Phase& phase : phases_)
    for (const Op& op : phase.ops) {
      times.push_back({op.name, 0});
      for (int thread = 0; thread < threads_ && !seconds_.empty(); ++thread)
        times.back().seconds += seconds_[time_at(thread, op.number)];
    }
  return times;
}

template class Program<float>;
template class Program<double>;

}  // namespace hone
