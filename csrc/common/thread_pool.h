// A fixed pool of threads.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace wavegen {

class Pool {
 public:
    // Uses the calling thread as one of `threads`. The pool is smaller if the system cannot create them all.
    explicit Pool(std::size_t threads) : errors_(threads) {
        threads_.reserve(threads - 1);
        try {
            for (std::size_t t = 1; t < threads; ++t) threads_.emplace_back([this, t] { serve(t); });
        } catch (const std::exception&) {  // the system has no more threads: continue with fewer
        }
    }
    ~Pool() {
        {
            const std::lock_guard<std::mutex> held(mutex_);
            task_ = nullptr;
            ++round_;
        }
        wake_.notify_all();
        for (std::thread& thread : threads_) thread.join();
    }
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    std::size_t size() const { return threads_.size() + 1; }

    // Calls work(t) on every thread t < size() and waits for all of them. Rethrows the exception of the lowest
    // t. Does not allocate.
    template <class Work>
    void run(const Work& work) {
        {
            const std::lock_guard<std::mutex> held(mutex_);
            task_ = [](const void* w, std::size_t t) { (*static_cast<const Work*>(w))(t); };
            work_ = &work;
            running_ = threads_.size();
            ++round_;
        }
        wake_.notify_all();
        perform(0);
        {
            std::unique_lock<std::mutex> held(mutex_);
            done_.wait(held, [this] { return running_ == 0; });
        }
        for (std::exception_ptr& error : errors_)
            if (error) std::rethrow_exception(std::exchange(error, nullptr));
    }

 private:
    void perform(std::size_t t) noexcept {
        errors_[t] = nullptr;
        try {
            task_(work_, t);
        } catch (...) {
            errors_[t] = std::current_exception();
        }
    }

    void serve(std::size_t t) {
        for (std::size_t seen = 0;;) {
            {
                std::unique_lock<std::mutex> held(mutex_);
                wake_.wait(held, [&] { return round_ != seen; });
                seen = round_;
                if (task_ == nullptr) return;
            }
            perform(t);
            const std::lock_guard<std::mutex> held(mutex_);
            if (--running_ == 0) done_.notify_one();
        }
    }

    std::mutex mutex_;
    std::condition_variable wake_, done_;
    void (*task_)(const void*, std::size_t) = nullptr;
    const void* work_ = nullptr;
    std::size_t running_ = 0, round_ = 0;
    std::vector<std::exception_ptr> errors_;
    std::vector<std::thread> threads_;
};

}  // namespace wavegen
