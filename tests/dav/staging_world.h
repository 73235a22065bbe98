// An engine whose uploads go on after a break: names in memory, and a staging area in files. One
// thread.
#pragma once

#include <gtest/gtest.h>
#include <string>
#include <string_view>

#include "dav/engine.h"
#include "dav/rights.h"
#include "storage/files/content_store.h"
#include "storage/files/data_folder.h"
#include "storage/files/staging.h"
#include "tests/dav/world.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::test {

struct StagingWorld {
  explicit StagingWorld(dav::Options options = {})
      : engine(names, contents, std::move(options), nullptr, &staging), dav(engine) {
    names.rerun_closures(true);
  }
  TemporaryFolder root{TemporaryFolder::in_memory()};
  ManualClock clock;
  MemoryNamespace names{clock};
  storage::files::DataFolder folder{(root / "data").string()};
  storage::files::FileContentStore contents{folder, storage::Durability::full};
  storage::files::FileStaging staging{folder, contents, clock};
  dav::Engine engine;
  DavClient dav;

  // Returns the content of a file, or the status when there is none.
  std::string get(std::string_view target) {
    const Answer answer = dav.send("GET", target);
    return answer.status == 200 ? answer.body : std::to_string(answer.status);
  }
};

}  // namespace holdfast::test
