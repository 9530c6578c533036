// Loaded before the C library (LD_PRELOAD), it makes a chosen call of the program fail, or sends a signal right there.
// Settings come by the environment:
//   HONE_FAULT_UNDER   calls on files below this folder count; for malloc, nothing is looked at
//   HONE_FAULT_CALLS   which: open read write sync rename link close cut lock stat folder malloc; several by commas;
//                      "io": all but malloc
//   HONE_FAULT_AT      the n-th of them, from 1; 0: none, they are only counted
//   HONE_FAULT_HOW     an error (EIO ENOSPC EMFILE EINTR ENOMEM EROFS), "short" (a write of half), "SIGTERM", "SIGINT",
//                      "SIGKILL", or "slow" (a call takes 100 ms, and succeeds)
//   HONE_FAULT_FROM    set: every call from the n-th on
//   HONE_FAULT_CLOCK   set: at every look the time of day is five hours ahead, behind or right in turns, and the steady
//                      clock leaps five hours ahead once, as after a machine's sleep
//   HONE_FAULT_REPORT  this file gets "fired CALL" where one failed, and at the end "calls N"
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

enum Call : unsigned { kOpen, kRead, kWrite, kSync, kRename, kLink, kClose, kCut, kLock, kStat, kFolder, kMalloc };
constexpr std::array kNames = {"open",  "read", "write", "sync", "rename", "link",
                               "close", "cut",  "lock",  "stat", "folder", "malloc"};
constexpr int kShort = -1, kSlow = -2, kSignal = 1000;  // beside errno's values

struct Settings {
  const char* under = nullptr;
  const char* report = nullptr;
  std::size_t under_length = 0;
  unsigned calls = 0;
  long at = 0;
  int how = EIO;
  bool from = false;
};
Settings settings;
std::atomic<bool> armed{false};
std::atomic<long> count{0};
std::atomic<bool> jumping{false};
std::atomic<long> looks{0};
std::array<std::atomic<bool>, 4096> tracked{};  // descriptors of files below the folder

int how_of(const char* text) {
  struct Named {
    const char* name;
    int value;
  };
  constexpr Named all[] = {{"EIO", EIO},
                           {"ENOSPC", ENOSPC},
                           {"EMFILE", EMFILE},
                           {"EINTR", EINTR},
                           {"ENOMEM", ENOMEM},
                           {"EROFS", EROFS},
                           {"short", kShort},
                           {"slow", kSlow},
                           {"SIGTERM", kSignal + SIGTERM},
                           {"SIGINT", kSignal + SIGINT},
                           {"SIGKILL", kSignal + SIGKILL}};
  for (const Named& named : all)
    if (std::strcmp(named.name, text) == 0) return named.value;
  std::abort();
}

// Without the C library's own buffers: it may be a malloc that fails.
void report(const char* word, const char* what) {
  if (settings.report == nullptr) return;
  const long fd = syscall(SYS_openat, AT_FDCWD, settings.report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  char line[64];
  const int length = std::snprintf(line, sizeof line, "%s %s\n", word, what);
  syscall(SYS_write, fd, line, length);
  syscall(SYS_close, fd);
}

void read_settings() {
  jumping = std::getenv("HONE_FAULT_CLOCK") != nullptr;
  settings.under = std::getenv("HONE_FAULT_UNDER");
  settings.report = std::getenv("HONE_FAULT_REPORT");
  const char* calls = std::getenv("HONE_FAULT_CALLS");
  if (settings.under == nullptr || calls == nullptr) return;
  settings.under_length = std::strlen(settings.under);
  if (const char* at = std::getenv("HONE_FAULT_AT")) settings.at = std::atol(at);
  if (const char* how = std::getenv("HONE_FAULT_HOW")) settings.how = how_of(how);
  settings.from = std::getenv("HONE_FAULT_FROM") != nullptr;
  for (unsigned call = 0; call < kNames.size(); ++call) {
    const char* found = std::strstr(calls, kNames[call]);
    if (found != nullptr || (std::strcmp(calls, "io") == 0 && call != kMalloc)) settings.calls |= 1u << call;
  }
  armed = true;
}

// What is to happen to this call: 0: nothing.
int due(Call call) {
  if (!armed.load(std::memory_order_relaxed) || (settings.calls >> call & 1u) == 0) return 0;
  const long n = count.fetch_add(1) + 1;
  if (settings.at == 0 || n < settings.at || (n > settings.at && !settings.from)) return 0;
  report("fired", kNames[call]);
  if (settings.how >= kSignal) {
    kill(getpid(), settings.how - kSignal);
    return 0;
  }
  if (settings.how == kSlow) usleep(100'000);
  if (settings.how == kSlow || (settings.how == kShort && call != kWrite)) return 0;
  return settings.how;
}

bool fails(Call call) {
  const int how = due(call);
  if (how > 0) errno = how;
  return how > 0;
}

bool below(const char* path) {
  return armed.load(std::memory_order_relaxed) && std::strncmp(path, settings.under, settings.under_length) == 0;
}

bool known(int fd) {
  return fd >= 0 && static_cast<std::size_t>(fd) < tracked.size() && tracked[static_cast<std::size_t>(fd)];
}

int track(int fd, bool is) {
  if (fd >= 0 && static_cast<std::size_t>(fd) < tracked.size()) tracked[static_cast<std::size_t>(fd)] = is;
  return fd;
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}
// The function of this name that the program would have called.
#define REAL(name)                                               \
  ([]() {                                                        \
    static auto* const function = real<decltype(::name)>(#name); \
    return function;                                             \
  }())

int open_file(const char* path, int flags, mode_t mode) {
  if (below(path) && fails(kOpen)) return -1;
  return track(static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode)), below(path));
}

mode_t mode_of(int flags, std::va_list more) { return (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0; }

int (*real_main)(int, char**, char**) = nullptr;

// Counting begins here: what runs before main is not the program's.
int counted_main(int argc, char** argv, char** environment) {
  read_settings();
  const int code = real_main(argc, argv, environment);
  char text[24];
  std::snprintf(text, sizeof text, "%ld", count.load());
  armed = false;
  report("calls", text);
  return code;
}

}  // namespace

extern "C" {

int __libc_start_main(int (*main)(int, char**, char**), int argc, char** argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void* stack_end) {
  using Start =
      int (*)(int (*)(int, char**, char**), int, char**, void (*)(void), void (*)(void), void (*)(void), void*);
  real_main = main;
  return reinterpret_cast<Start>(dlsym(RTLD_NEXT, "__libc_start_main"))(counted_main, argc, argv, init, fini, rtld_fini,
                                                                        stack_end);
}

int open(const char* path, int flags, ...) {
  std::va_list more;
  va_start(more, flags);
  const mode_t mode = mode_of(flags, more);
  va_end(more);
  return open_file(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  std::va_list more;
  va_start(more, flags);
  const mode_t mode = mode_of(flags, more);
  va_end(more);
  return open_file(path, flags, mode);
}

int openat(int folder, const char* path, int flags, ...) {
  std::va_list more;
  va_start(more, flags);
  const mode_t mode = mode_of(flags, more);
  va_end(more);
  if (folder == AT_FDCWD || path[0] == '/') return open_file(path, flags, mode);
  return static_cast<int>(syscall(SYS_openat, folder, path, flags, mode));
}

int close(int fd) {
  const bool failed = known(fd) && fails(kClose);
  track(fd, false);
  const long result = syscall(SYS_close, fd);  // the descriptor is gone even where closing fails
  return failed ? -1 : static_cast<int>(result);
}

ssize_t read(int fd, void* to, size_t bytes) {
  if (known(fd) && fails(kRead)) return -1;
  return REAL(read)(fd, to, bytes);
}

ssize_t pread(int fd, void* to, size_t bytes, off_t at) {
  if (known(fd) && fails(kRead)) return -1;
  return REAL(pread)(fd, to, bytes, at);
}

ssize_t write(int fd, const void* from, size_t bytes) {
  const int how = known(fd) ? due(kWrite) : 0;
  if (how > 0) {
    errno = how;
    return -1;
  }
  return REAL(write)(fd, from, how == kShort && bytes > 1 ? bytes / 2 : bytes);
}

int fsync(int fd) { return known(fd) && fails(kSync) ? -1 : REAL(fsync)(fd); }

int ftruncate(int fd, off_t length) noexcept { return known(fd) && fails(kCut) ? -1 : REAL(ftruncate)(fd, length); }

int flock(int fd, int operation) noexcept { return known(fd) && fails(kLock) ? -1 : REAL(flock)(fd, operation); }

int fstat(int fd, struct stat* to) noexcept { return known(fd) && fails(kStat) ? -1 : REAL(fstat)(fd, to); }

int stat(const char* path, struct stat* to) noexcept { return below(path) && fails(kStat) ? -1 : REAL(stat)(path, to); }

int lstat(const char* path, struct stat* to) noexcept {
  return below(path) && fails(kStat) ? -1 : REAL(lstat)(path, to);
}

int rename(const char* from, const char* to) noexcept {
  return below(to) && fails(kRename) ? -1 : REAL(rename)(from, to);
}

int link(const char* from, const char* to) noexcept { return below(to) && fails(kLink) ? -1 : REAL(link)(from, to); }

int unlink(const char* path) noexcept { return below(path) && fails(kLink) ? -1 : REAL(unlink)(path); }

int remove(const char* path) noexcept { return below(path) && fails(kLink) ? -1 : REAL(remove)(path); }

int mkdir(const char* path, mode_t mode) noexcept {
  return below(path) && fails(kFolder) ? -1 : REAL(mkdir)(path, mode);
}

DIR* opendir(const char* path) { return below(path) && fails(kFolder) ? nullptr : REAL(opendir)(path); }

int clock_gettime(clockid_t clock, struct timespec* to) noexcept {
  constexpr long kLeap = 5 * 3600, kLooks = 1000;
  const int result = static_cast<int>(syscall(SYS_clock_gettime, clock, to));
  if (!jumping) return result;
  const long look = ++looks;
  if (clock == CLOCK_REALTIME) to->tv_sec += (look % 3 - 1) * kLeap;
  if (clock == CLOCK_MONOTONIC && look > kLooks) to->tv_sec += kLeap;
  return result;
}

void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

void* malloc(size_t bytes) { return fails(kMalloc) ? nullptr : __libc_malloc(bytes); }
void* calloc(size_t number, size_t bytes) { return fails(kMalloc) ? nullptr : __libc_calloc(number, bytes); }
void* realloc(void* memory, size_t bytes) { return fails(kMalloc) ? nullptr : __libc_realloc(memory, bytes); }
void* aligned_alloc(size_t alignment, size_t bytes) {
  return fails(kMalloc) ? nullptr : __libc_memalign(alignment, bytes);
}
int posix_memalign(void** memory, size_t alignment, size_t bytes) {
  *memory = aligned_alloc(alignment, bytes);
  return *memory == nullptr ? ENOMEM : 0;
}
}
