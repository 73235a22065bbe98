// Messages for the server's operator, one line each on standard error: what failed, what was
// limited. Requests go to the access log instead. Any thread.
#pragma once

#include <string>

namespace holdfast::server::observe {

// Sets the log's form: time and sentence. Call once, at the start.
void start_event_log();

// Writes one line; control bytes in `sentence` become spaces.
void log_event(const std::string& sentence);

}  // namespace holdfast::server::observe
