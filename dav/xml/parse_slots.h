// Limits how many XML bodies are parsed at once (docs/operations.md#settings). A parsed document
// takes some 25 times the memory of its text; without a limit, the largest bodies in all requests
// could take all memory. A handler holds a slot while a document exists, and never while a body
// arrives or a response is sent, so no client can keep one. Any thread.
//
//   const xml::ParseSlots::Slot slot = call.parses.take();
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>

#include "fiber/wait.h"

namespace holdfast::dav::xml {

class ParseSlots {
 public:
  ParseSlots(std::size_t slots, std::chrono::seconds longest_wait);

  // Gives the slot back when it is destroyed. It must not outlive its ParseSlots.
  class Slot {
   public:
    ~Slot() { slots_.give_back(); }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

   private:
    friend class ParseSlots;
    explicit Slot(ParseSlots& slots) : slots_(slots) {}
    ParseSlots& slots_;
  };

  // Waits for a free slot. Throws Error 503 with Retry-After when the longest wait has passed.
  [[nodiscard]] Slot take();

 private:
  void give_back();

  const std::chrono::seconds longest_wait_;
  std::mutex mutex_;
  fiber::Condition freed_;
  std::size_t free_;
};

}  // namespace holdfast::dav::xml
