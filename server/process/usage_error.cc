#include "server/process/usage_error.h"

#include "text/ascii.h"
#include "text/json.h"

namespace holdfast::server::process {

UsageError::UsageError(std::string_view sentence)
    : runtime_error(text::escape_invisible(text::without_controls(sentence, '?'))) {}

}  // namespace holdfast::server::process
