#include "tests/concurrency/random_clients.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <ctime>
#include <exception>
#include <thread>

namespace holdfast::test {

std::int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

int Chooser::below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }

Chooser::Chooser(unsigned seed) : random_(seed) {
  // In the order of Method.
  std::vector<double> weights = {12, 8, 26, 9, 8, 10, 15, 8, 2, 8};
  for (double& weight : weights) {
    const int taste = below(4);
    weight *= taste == 0 ? 0.2 : taste == 1 ? 3 : 1;
  }
  methods_ = std::discrete_distribution<int>(weights.begin(), weights.end());
  names_ = {"A/x", "A", "B", "A/y", "B/x"};
  names_.resize(static_cast<std::size_t>(1 + below(5)));
  names_.push_back("A/x");
}

std::string Chooser::name() {
  return names_[static_cast<std::size_t>(below(static_cast<int>(names_.size())))];
}

int Chooser::number() {
  const std::lock_guard lock(mutex_);
  return ++last_;
}

void Chooser::submit(Operation& operation) {
  if (tokens_.empty() || below(3) == 0) return;
  const auto token = [&] {
    return below(2) == 0
               ? tokens_.back()
               : tokens_[static_cast<std::size_t>(below(static_cast<int>(tokens_.size())))];
  };
  operation.tokens = {token()};
  operation.strict = below(2) == 0;
  if (!operation.strict) operation.tokens.push_back(token());
}

Operation Chooser::next(int client) {
  const std::lock_guard lock(mutex_);
  Operation operation;
  operation.id = ++last_;
  operation.client = client;
  operation.path = name();
  operation.method = static_cast<Method>(methods_(random_));
  const bool needs_token =
      operation.method == Method::unlock || operation.method == Method::refresh;
  if (needs_token && tokens_.empty()) operation.method = Method::lock;
  switch (operation.method) {
    case Method::get:
      break;
    case Method::list:
      operation.path.clear();
      break;
    case Method::put: {
      const int condition = below(4);
      if (condition == 0 && !contents_.empty()) {
        const int known = static_cast<int>(contents_.size());
        const auto& seen =
            contents_[static_cast<std::size_t>(known - 1 - below(std::min(3, known)))];
        operation.path = seen.first;
        operation.if_match = seen.second;
      }
      operation.if_none_match = condition == 1;
      submit(operation);
      break;
    }
    case Method::mkcol:
    case Method::remove:
      submit(operation);
      break;
    case Method::copy:
    case Method::move:
      operation.destination = name();
      operation.overwrite = below(4) != 0;
      submit(operation);
      break;
    case Method::lock:
      operation.exclusive = below(3) != 0;
      operation.infinite = below(2) == 0;
      break;
    case Method::refresh:
    case Method::unlock:
      operation.tokens = {
          tokens_[static_cast<std::size_t>(below(static_cast<int>(tokens_.size())))]};
      operation.strict = operation.method == Method::refresh;
      break;
  }
  return operation;
}

void Chooser::learn(const Operation& operation) {
  const std::lock_guard lock(mutex_);
  if (operation.status < 200 || operation.status >= 300) return;
  if (operation.method == Method::lock) tokens_.push_back(operation.id);
  if (operation.method == Method::put) contents_.emplace_back(operation.path, operation.id);
  if (operation.method == Method::get && operation.content > 0)
    contents_.emplace_back(operation.path, operation.content);
}

History record(Subject& subject, const Plan& plan, const std::function<void()>& meanwhile) {
  Chooser chooser(plan.seed);
  std::mutex mutex;
  History history;
  std::exception_ptr failure;

  const auto perform = [&](Operation operation) {
    operation.invoked = monotonic_ns();
    subject.perform(operation);
    if (operation.status == kNotSent) return;
    operation.returned = operation.answered() ? monotonic_ns() : kNever;
    chooser.learn(operation);
    const bool looked = operation.method == Method::get || operation.method == Method::list;
    if (looked && !operation.answered()) return;
    const std::lock_guard lock(mutex);
    history.push_back(std::move(operation));
  };
  const auto alone = [&](Method method, const char* path) {
    Operation operation;
    operation.id = chooser.number();
    operation.method = method;
    operation.path = path;
    perform(std::move(operation));
  };

  alone(Method::mkcol, "A");
  alone(Method::put, "A/x");
  std::atomic<int> waiting = plan.clients;
  std::vector<std::thread> threads;
  for (int client = 0; client < plan.clients; ++client) {
    threads.emplace_back([&, client] {
      --waiting;
      while (waiting > 0) std::this_thread::yield();
      try {
        for (int i = 0; i < plan.operations; ++i) perform(chooser.next(client));
      } catch (...) {
        const std::lock_guard lock(mutex);
        failure = std::current_exception();
      }
    });
  }
  try {
    meanwhile();
  } catch (...) {
    const std::lock_guard lock(mutex);
    failure = std::current_exception();
  }
  for (auto& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
  alone(Method::list, "");
  return history;
}

}  // namespace holdfast::test
