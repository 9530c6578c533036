// A planned step: a flat list of phases. In a phase, tasks are independent of each other and may run on any thread;
// between phases all threads meet. Nothing here allocates or throws while it runs. A run may be given up before the
// first phase whose results last: tasks are left out then, and as soon as all threads have met before that phase, they
// leave.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/arena.hpp"
#include "engine/base/crew.hpp"
#include "engine/base/parallel.hpp"
#include "engine/graph/network.hpp"

namespace hone {

// What changes from step to step.
struct StepState {
  const Batch* batch = nullptr;
  std::int64_t blocks = 0;  // of lanes images that hold the batch
  double learning_rate = 0;
  std::uint64_t epoch = 0;
  std::uint64_t step = 0;
};

// Whether a run is given up: what one thread has seen holds for all.
class Abandonment {
 public:
  // request: once not 0, the run is to be given up; null: never.
  explicit Abandonment(const std::atomic<int>* request) : request_(request) {}
  // For the thread that starts a run.
  void reset() { decided_.store(false, std::memory_order_relaxed); }
  // Whether it is given up by now, which this look may decide.
  bool look() noexcept {
    if (request_ == nullptr) return false;
    if (!decided() && request_->load(std::memory_order_relaxed) != 0) decided_.store(true, std::memory_order_relaxed);
    return decided();
  }
  bool decided() const noexcept { return decided_.load(std::memory_order_relaxed); }

 private:
  const std::atomic<int>* request_;
  std::atomic<bool> decided_{false};
};

// One task of a phase. In a phase over the images it is a chunk of them: some blocks next to each other.
struct Task {
  std::int64_t index = 0;
  int thread = 0;
  const StepState* state = nullptr;
  std::int64_t first_block = 0;
  std::int64_t blocks = 0;
  std::int64_t first_image = 0;
  std::int64_t valid = 0;              // images of the batch among the chunk's lanes
  Crew* crew = nullptr;                // of the thread: who may help with what takes long
  Abandonment* abandonment = nullptr;  // null where a run is not given up any more

  // What takes long looks at this now and then, and may leave undone what it still has to do.
  bool given_up() const noexcept { return abandonment != nullptr && abandonment->look(); }
};

// A buffer of the plan. Where it is, is known once all of the program is planned.
template <class T>
struct Slot {
  enum class Kind {
    images,      // a value an image: [block][size][lanes]; moves to per-thread memory where one phase alone uses it
    per_chunk,   // [chunk][size]
    per_thread,  // scratch
    whole        // [size]
  };

  Kind kind = Kind::images;
  std::int64_t size = 0;  // elements: of an image, a chunk, a thread, all
  T* base = nullptr;
  std::int64_t block_stride = 0, chunk_stride = 0, thread_stride = 0;

  T* at(const Task& task) const {
    return base + task.first_block * block_stride + task.index * chunk_stride + task.thread * thread_stride;
  }

  // Lifetime, by number of phase and of op.
  int first_phase = -1, last_phase = -1, first_op = -1, last_op = -1;
};

struct Op {
  std::string name;
  int number = 0;  // in the program
  std::function<void(const Task&)> run;
};

struct Phase {
  std::vector<Op> ops;     // each task runs all of them, in order
  std::int64_t tasks = 0;  // of a phase over the images: its chunks
  bool over_images = false;
};

// How a batch is cut. Depends on batch, lanes and purpose only, never on threads.
struct Partition {
  std::int64_t batch = 0, lanes = 1, blocks = 0, chunks = 0;

  // Training: at most kMaxChunks chunks, since each has gradients of its own. Evaluation: a chunk a block.
  static constexpr std::int64_t kMaxChunks = 16;
  static Partition make(std::int64_t batch, std::int64_t lanes, bool training);
  std::int64_t first_block(std::int64_t chunk) const { return chunk * blocks / chunks; }
  std::int64_t blocks_of(std::int64_t chunk) const { return first_block(chunk + 1) - first_block(chunk); }
  std::int64_t most_blocks() const { return (blocks + chunks - 1) / chunks; }
  // Whether each chunk is one image: adding up and storing a gradient for each would cost as much as computing it.
  bool single_images() const { return most_blocks() * lanes == 1; }
};

template <class T>
class Program {
 public:
  // stop: see NetworkOptions.
  Program(const Partition& partition, int threads, const std::atomic<int>* stop = nullptr);

  Slot<T>* add_slot(typename Slot<T>::Kind kind, std::int64_t size);
  // Appends an op to the present phase over the images, or starts one.
  void over_images(std::string name, std::initializer_list<Slot<T>*> uses, std::function<void(const Task&)> run);
  // A phase of its own.
  void tasks(std::string name, std::initializer_list<Slot<T>*> uses, std::int64_t count,
             std::function<void(const Task&)> run);
  // The next op starts a new phase.
  void end_phase() { open_ = false; }
  // What the next phases write lasts beyond the run: they run all of them or none.
  void begin_lasting();
  // Runs before the first phase of a step that is told to prepare. Jobs run at the same time as each other.
  void prepare(std::function<void()> job) { preparations_.push_back(std::move(job)); }
  // Keeps what the slot holds until the end.
  void keep(Slot<T>* slot);

  // Assigns memory: bytes that place() needs.
  std::int64_t assign();
  void place(std::byte* memory);

  // False where it was given up.
  bool run(const StepState& state, bool prepare, Team& team) noexcept;

  // Once assigned: from now on run() adds up how long each op takes.
  void time_ops();
  std::vector<OpTime> op_times() const;

  const Partition& partition() const { return partition_; }
  int threads() const { return threads_; }
  const std::vector<Phase>& phases() const { return phases_; }
  std::int64_t shared_bytes() const { return shared_.size(); }
  std::int64_t thread_bytes() const { return local_.size(); }

 private:
  void use(Slot<T>* slot);
  bool is_local(const Slot<T>& slot) const;
  void run_on_thread(int thread, Barrier& barrier) noexcept;
  template <class Run>
  void share_out(std::size_t row, std::int64_t tasks, int thread, const Run& run) noexcept;
  // Of seconds_, where `op` has its time on `thread`.
  std::size_t time_at(int thread, int op) const noexcept {
    return static_cast<std::size_t>(thread) * static_cast<std::size_t>(ops_) + static_cast<std::size_t>(op);
  }
  void run_task(std::size_t number, std::int64_t index, int thread) noexcept;
  void run_op(const Op& op, const Task& task) noexcept;
  bool help(int thread) noexcept;

  Partition partition_;
  int threads_;
  std::vector<std::unique_ptr<Slot<T>>> slots_;
  std::vector<Slot<T>*> kept_;
  std::vector<std::function<void()>> preparations_;
  std::vector<Phase> phases_;
  bool open_ = false;
  std::size_t lasting_ = ~std::size_t{0};  // number of the first phase whose results last
  int ops_ = 0;
  ArenaPlanner shared_, local_;
  std::vector<int> bookings_;  // of each slot, in its planner; -1: never used
  // Next task of each thread's share: a row for the preparations, then one a phase.
  std::vector<std::atomic<std::int64_t>> cursors_;
  std::vector<Crew> crews_;      // of each thread
  std::vector<double> seconds_;  // [thread][op]; empty: not measured
  StepState state_;
  bool prepare_ = false;
  Abandonment abandonment_;
};

extern template class Program<float>;
extern template class Program<double>;

}  // namespace hone
