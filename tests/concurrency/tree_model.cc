#include "tests/concurrency/tree_model.h"

#include <algorithm>

namespace holdfast::test {

bool is_within(std::string_view path, std::string_view ancestor) {
  if (ancestor.empty()) return true;
  return path.starts_with(ancestor) &&
         (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

const TreeModel::Node* TreeModel::find(const std::string& path) const {
  const auto found = nodes_.find(path);
  return found == nodes_.end() ? nullptr : &found->second;
}

bool TreeModel::is_collection(const std::string& path) const {
  const Node* node = find(path);
  return node != nullptr && node->content == kCollection;
}

// RFC 4918 §7: rooted at the URL, or infinite on an ancestor.
std::vector<TreeModel::Lock> TreeModel::covering(const std::string& path) const {
  std::vector<Lock> locks;
  for (const auto& [root, node] : nodes_) {
    if (!is_within(path, root)) continue;
    for (const Lock& lock : node.locks)
      if (lock.infinite || root == path) locks.push_back(lock);
  }
  return locks;
}

// §6.2, §7.5: every exclusive lock's token; of shared ones, one token is enough.
bool TreeModel::opens(const Operation& operation, const std::vector<Lock>& locks) {
  bool shared = false;
  bool shared_open = false;
  for (const Lock& lock : locks) {
    const bool submitted = std::find(operation.tokens.begin(), operation.tokens.end(),
                                     lock.token) != operation.tokens.end();
    if (lock.exclusive && !submitted) return false;
    if (!lock.exclusive) {
      shared = true;
      shared_open = shared_open || submitted;
    }
  }
  return !shared || shared_open;
}

bool TreeModel::may_add(const Operation& operation, const std::string& path) const {
  return opens(operation, covering(parent_of(path))) && opens(operation, covering(path));
}

bool TreeModel::may_remove(const Operation& operation, const std::string& path) const {
  return std::all_of(nodes_.begin(), nodes_.end(), [&](const auto& entry) {
    return !is_within(entry.first, path) || opens(operation, covering(entry.first));
  });
}

bool TreeModel::conditions_hold(const Operation& operation) const {
  const Node* node = find(operation.path);
  if (operation.if_match && (node == nullptr || node->content != *operation.if_match)) return false;
  if (operation.if_none_match && node != nullptr) return false;
  if (!operation.strict) return true;
  const auto locks = covering(operation.path);
  return std::any_of(locks.begin(), locks.end(),
                     [&](const Lock& lock) { return lock.token == operation.tokens.front(); });
}

void TreeModel::erase_tree(const std::string& path) {
  std::erase_if(nodes_, [&](const auto& entry) { return is_within(entry.first, path); });
}

int TreeModel::put(const Operation& operation) {
  const Node* node = find(operation.path);
  if (node != nullptr && node->content == kCollection) return 405;
  if (!is_collection(parent_of(operation.path))) return 409;
  if (!conditions_hold(operation)) return 412;
  const bool mapped = node != nullptr;
  if (mapped ? !opens(operation, covering(operation.path)) : !may_add(operation, operation.path))
    return 423;
  nodes_[operation.path].content = operation.id;
  return mapped ? 204 : 201;
}

int TreeModel::make_collection(const Operation& operation) {
  if (find(operation.path) != nullptr) return 405;
  if (!is_collection(parent_of(operation.path))) return 409;
  if (!conditions_hold(operation)) return 412;
  if (!may_add(operation, operation.path)) return 423;
  nodes_[operation.path] = {};
  return 201;
}

int TreeModel::remove(const Operation& operation) {
  if (find(operation.path) == nullptr) return 404;
  if (!conditions_hold(operation)) return 412;
  if (!opens(operation, covering(parent_of(operation.path))) ||
      !may_remove(operation, operation.path))
    return 423;
  erase_tree(operation.path);
  return 204;
}

int TreeModel::transfer(const Operation& operation) {
  const std::string& from = operation.path;
  const std::string& to = operation.destination;
  const bool moves = operation.method == Method::move;
  if (find(from) == nullptr) return 404;
  const bool replaces = find(to) != nullptr;
  if (from == to) return 403;
  if (is_collection(from) && is_within(to, from)) return 403;
  if (replaces && is_within(from, to)) return 403;
  if (!is_collection(parent_of(to))) return 409;
  if (!conditions_hold(operation)) return 412;
  if (replaces && !operation.overwrite) return 412;
  if (moves && (!opens(operation, covering(parent_of(from))) || !may_remove(operation, from)))
    return 423;
  if (!may_add(operation, to) || (replaces && !may_remove(operation, to))) return 423;

  // §7.6, §9.9.3: locks do not travel; one rooted at the destination stays.
  Nodes arriving;
  for (const auto& [path, node] : nodes_) {
    if (is_within(path, from)) arriving[to + path.substr(from.size())] = {node.content, {}};
  }
  if (replaces) arriving[to].locks = nodes_[to].locks;
  erase_tree(to);
  if (moves) erase_tree(from);
  nodes_.merge(arriving);
  return replaces ? 204 : 201;
}

int TreeModel::lock(const Operation& operation) {
  const Node* node = find(operation.path);
  const bool creates = node == nullptr;
  if (creates && !is_collection(parent_of(operation.path))) return 409;
  if (!conditions_hold(operation)) return 412;
  std::vector<Lock> others = covering(operation.path);
  if (operation.infinite) {
    for (const auto& [path, below] : nodes_) {
      if (is_within(path, operation.path))
        others.insert(others.end(), below.locks.begin(), below.locks.end());
    }
  }
  for (const Lock& other : others)
    if (operation.exclusive || other.exclusive) return 423;
  if (creates && !may_add(operation, operation.path)) return 423;
  Node& target = nodes_[operation.path];
  if (creates) target.content = kEmptyFile;
  target.locks.push_back({operation.id, operation.exclusive, operation.infinite});
  return creates ? 201 : 200;
}

int TreeModel::refresh(const Operation& operation) const {
  return find(operation.path) != nullptr && conditions_hold(operation) ? 200 : 412;
}

int TreeModel::unlock(const Operation& operation) {
  if (find(operation.path) == nullptr) return 409;
  for (auto& [root, node] : nodes_) {
    if (!is_within(operation.path, root)) continue;
    for (auto lock = node.locks.begin(); lock != node.locks.end(); ++lock) {
      if (lock->token != operation.tokens.front() || (!lock->infinite && root != operation.path))
        continue;
      node.locks.erase(lock);
      return 204;
    }
  }
  return 409;
}

int TreeModel::perform(const Operation& operation) {
  switch (operation.method) {
    case Method::get:
      if (find(operation.path) == nullptr) return 404;
      return content(operation.path) == kCollection ? 301 : 200;  // to the URL with a slash
    case Method::list:
      return 207;
    case Method::put:
      return put(operation);
    case Method::mkcol:
      return make_collection(operation);
    case Method::remove:
      return remove(operation);
    case Method::copy:
    case Method::move:
      return transfer(operation);
    case Method::lock:
      return lock(operation);
    case Method::refresh:
      return refresh(operation);
    case Method::unlock:
      return unlock(operation);
  }
  return 0;
}

bool TreeModel::step(const Operation& operation) {
  const int status = perform(operation);
  if (!operation.answered() || operation.set_aside) return status >= 200 && status < 300;
  if (status != operation.status) return false;
  if (operation.method == Method::get && status == 200)
    return operation.content == content(operation.path);
  if (operation.method != Method::list) return true;
  const auto expected = members();
  return std::equal(expected.begin(), expected.end(), operation.members.begin(),
                    operation.members.end(), [](const auto& now, const auto& seen) {
                      return now.first == seen.first &&
                             (now.second == seen.second ||
                              (seen.second == kSomeFile && now.second != kCollection));
                    });
}

int TreeModel::content(const std::string& path) const { return nodes_.at(path).content; }

std::map<std::string, int> TreeModel::members() const {
  std::map<std::string, int> all;
  for (const auto& [path, node] : nodes_)
    if (!path.empty()) all.emplace(path, node.content);
  return all;
}

std::string TreeModel::key() const {
  std::string text;
  for (const auto& [path, node] : nodes_) {
    text.append(path).append(":").append(std::to_string(node.content));
    // Shared locks may come in any order.
    auto locks = node.locks;
    std::sort(locks.begin(), locks.end(),
              [](const Lock& a, const Lock& b) { return a.token < b.token; });
    for (const Lock& lock : locks) {
      text.append(lock.exclusive ? "!" : "+").append(std::to_string(lock.token));
      text.append(lock.infinite ? "*" : "");
    }
    text += ';';
  }
  return text;
}

}  // namespace holdfast::test
