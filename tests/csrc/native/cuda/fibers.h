// CUDA's threads as fibers of one thread of a CPU. Which of those that could run goes on is drawn at random, or with an
// even seed is mostly the same, so that others fall far behind: a missing barrier then shows as wrong numbers, and
// memory that nothing was written to holds NaNs.
#pragma once

#include <ucontext.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <random>
#include <utility>
#include <vector>

struct dim3 {
    unsigned x = 1, y = 1, z = 1;
    dim3() = default;
    dim3(unsigned size) : x(size) {}  // NOLINT: as CUDA has it
};

namespace shim {

constexpr std::size_t kStack = 1 << 16, kGuard = 64;
constexpr unsigned char kPoison = 0xFF;  // float and double are NaN, integers far out of range

inline long setting(const char* name, long otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::atol(text);
}

[[noreturn]] inline void fail(const char* what) {
    std::fprintf(stderr, "the kernel is wrong: %s\n", what);
    std::abort();
}

// Memory that is poisoned, with a guard behind it that nothing may write to.
class Guarded {
 public:
    explicit Guarded(std::size_t size) : size_(size), bytes_(new (std::align_val_t(256)) char[size + kGuard]) {
        std::memset(bytes_, kPoison, size + kGuard);
    }
    Guarded(const Guarded&) = delete;
    Guarded& operator=(const Guarded&) = delete;
    ~Guarded() {
        for (std::size_t i = 0; i < kGuard; ++i)
            if (static_cast<unsigned char>(bytes_[size_ + i]) != kPoison) fail("it wrote behind an array");
        ::operator delete[](bytes_, std::align_val_t(256));
    }
    char* data() const { return bytes_; }
    std::size_t size() const { return size_; }

 private:
    std::size_t size_;
    char* bytes_;
};

struct Fiber;

struct Barrier {
    unsigned arrived = 0;
    int kind = 0;
    std::vector<Fiber*> waiting;
};

struct Warp {
    Barrier barrier;
    std::uint64_t said[2][32];
    unsigned parity[32] = {};
};

struct Block {
    Block(dim3 block_index, unsigned rank_in_cluster, unsigned threads, std::size_t shared_bytes)
        : index(block_index), rank(rank_in_cluster), shared(shared_bytes), warps((threads + 31) / 32) {}
    dim3 index;
    unsigned rank;
    Guarded shared;
    std::vector<Warp> warps;
    Barrier barriers[16];
    std::vector<Block*>* cluster = nullptr;
    Barrier* cluster_barrier = nullptr;
    std::uint32_t priority = 0;
};

struct Fiber {
    ucontext_t context;
    std::unique_ptr<char[]> stack{new char[kStack]};
    Block* block = nullptr;
    dim3 thread;
    const volatile std::uint32_t* flag = nullptr;  // what it waits for, to be at least `value`
    std::uint32_t value = 0;
    std::uint32_t priority = 0;
};

class Scheduler {
 public:
    static Scheduler& get() {
        static Scheduler scheduler;
        return scheduler;
    }
    Fiber& current() { return *current_; }
    dim3 block_size, grid_size;

    // Runs body() as every thread of the blocks.
    void run(std::vector<Block*> blocks, unsigned threads, const std::function<void()>& body) {
        body_ = &body;
        const long seed = setting("WAVEGEN_SHIM_SEED", 1);
        random_.seed(static_cast<unsigned>(seed));
        constancy_ = seed % 2 == 0 ? 500 : 1;
        for (Block* block : blocks) block->priority = seed % 4 == 0 ? random_() : 0;
        while (fibers_.size() < blocks.size() * threads) fibers_.emplace_back();
        alive_ = blocks.size() * threads;
        for (std::size_t i = 0; i < alive_; ++i)
            start(fibers_[i], blocks[i / threads], static_cast<unsigned>(i % threads));
        while (alive_ > 0) {
            poll();
            if (ready_.empty()) fail("all threads wait");
            current_ = ready_.top().second;
            ready_.pop();
            swapcontext(&home_, &current_->context);
        }
    }

    // All of `count` threads meet here, in calls of the same kind.
    void meet(Barrier& barrier, unsigned count, int kind) {
        if (arrive(barrier, count, kind)) return;
        barrier.waiting.push_back(current_);
        leave();
    }

    // Arrives without waiting; whether it was the last.
    bool arrive(Barrier& barrier, unsigned count, int kind) {
        if (barrier.arrived != 0 && barrier.kind != kind) fail("threads of one warp or block meet in different calls");
        barrier.kind = kind;
        if (++barrier.arrived < count) return false;
        if (barrier.arrived > count) fail("more threads than expected at a barrier");
        barrier.arrived = 0;
        for (Fiber* fiber : barrier.waiting) make_ready(*fiber);
        barrier.waiting.clear();
        return true;
    }

    void await(const volatile std::uint32_t* flag, std::uint32_t value) {
        current_->flag = flag;
        current_->value = value;
        polling_.push_back(current_);
        leave();
    }

    // Others may go on before this one does.
    void yield() {
        make_ready(*current_);
        leave();
    }

 private:
    void start(Fiber& fiber, Block* block, unsigned thread) {
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.get();
        fiber.context.uc_stack.ss_size = kStack;
        fiber.context.uc_link = &home_;
        fiber.block = block;
        fiber.thread = dim3(thread);
        makecontext(&fiber.context, &Scheduler::enter, 0);
        fiber.priority = random_();
        make_ready(fiber);
    }
    void make_ready(Fiber& fiber) {
        if (random_() % constancy_ == 0) fiber.priority = random_();
        ready_.push({std::uint64_t{fiber.block->priority} << 32 | fiber.priority, &fiber});
    }
    static void enter() {
        (*get().body_)();
        --get().alive_;
    }
    void leave() { swapcontext(&current_->context, &home_); }
    void poll() {
        for (std::size_t i = 0; i < polling_.size();) {
            if (*polling_[i]->flag < polling_[i]->value) {
                ++i;
                continue;
            }
            make_ready(*polling_[i]);
            polling_[i] = polling_.back();
            polling_.pop_back();
        }
    }

    std::deque<Fiber> fibers_;
    std::priority_queue<std::pair<std::uint64_t, Fiber*>> ready_;
    std::vector<Fiber*> polling_;
    unsigned constancy_ = 1;  // once in so many times a fiber gets another priority
    Fiber* current_ = nullptr;
    ucontext_t home_;
    std::size_t alive_ = 0;
    const std::function<void()>* body_ = nullptr;
    std::mt19937 random_;
};

inline Fiber& here() { return Scheduler::get().current(); }
inline unsigned lane() { return here().thread.x % 32; }
inline Warp& warp() { return here().block->warps[here().thread.x / 32]; }

// What each lane says, once all have.
inline const std::uint64_t* exchange(std::uint64_t value, int kind) {
    Warp& mine = warp();
    const unsigned parity = mine.parity[lane()] ^= 1;
    mine.said[parity][lane()] = value;
    Scheduler::get().meet(mine.barrier, 32, kind);
    return mine.said[parity];
}

inline void meet_cluster() {
    Block& block = *here().block;
    const auto threads = static_cast<unsigned>(block.cluster->size()) * Scheduler::get().block_size.x;
    Scheduler::get().meet(*block.cluster_barrier, threads, 11);
}
inline char* shared_of(char* place, unsigned rank) {
    Block& block = *here().block;
    return (*block.cluster)[rank]->shared.data() + (place - block.shared.data());
}

}  // namespace shim
