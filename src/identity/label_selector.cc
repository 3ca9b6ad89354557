#include "identity/label_selector.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/text.h"
#include "identity/kubernetes_name.h"

namespace kubepulse {
namespace {

enum class TokenKind : uint8_t {
  end,
  word,
  in,
  not_in,
  comma,
  open,
  close,
  bang,
  equals,
  not_equals,
  greater,
  less,
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;
  size_t column = 1;
};

constexpr std::string_view kSpaces = " \t\r\n", kSymbols = "=!(),><";

bool is_in(std::string_view set, char c) {
  return set.find(c) != std::string_view::npos;
}

TokenKind kind_of_symbol(std::string_view text) {
  if (text == "==" || text == "=") return TokenKind::equals;
  if (text == "!=") return TokenKind::not_equals;
  switch (text[0]) {
    case '!':
      return TokenKind::bang;
    case '(':
      return TokenKind::open;
    case ')':
      return TokenKind::close;
    case ',':
      return TokenKind::comma;
    default:
      return text[0] == '>' ? TokenKind::greater : TokenKind::less;
  }
}

// The next token of `text` from `at` on, which is left behind it.
Token next_token(std::string_view text, size_t& at) {
  at = std::min(text.find_first_not_of(kSpaces, at), text.size());
  Token token;
  token.column = at + 1;
  size_t begin = at;
  if (at == text.size()) return token;
  if (is_in(kSymbols, text[at])) {
    std::string_view two = text.substr(at, 2);
    at += two == "==" || two == "!=" ? 2 : 1;
    token.text = text.substr(begin, at - begin);
    token.kind = kind_of_symbol(token.text);
    return token;
  }
  while (at < text.size() && !is_in(kSymbols, text[at]) && !is_in(kSpaces, text[at]))
    at++;
  token.text = text.substr(begin, at - begin);
  token.kind = token.text == "in"      ? TokenKind::in
               : token.text == "notin" ? TokenKind::not_in
                                       : TokenKind::word;
  return token;
}

// As Go's strconv.ParseInt(text, 10, 64).
std::optional<int64_t> parse_integer(std::string_view text) {
  if (!text.empty() && text[0] == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text[0] == '-') return std::nullopt;
  }
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

// The grammar of k8s.io/apimachinery/pkg/labels, its oddities included: "in" and "notin" are words
// wherever no operator is due, and empty values count, "a in (,)".
class LabelSelectorParser {
 public:
  explicit LabelSelectorParser(std::string_view text) : text_(text) { advance(); }

  Status parse(LabelSelector& out) {
    while (token_.kind != TokenKind::end) {
      LabelSelector::Requirement requirement;
      Status status = parse_requirement(requirement);
      if (!status.ok()) return status;
      out.requirements_.push_back(std::move(requirement));
      if (token_.kind == TokenKind::end) break;
      if (token_.kind != TokenKind::comma) return expected("\",\" or the end");
      advance();
      if (!is_word() && token_.kind != TokenKind::bang) return expected("a key behind the \",\"");
    }
    return {};
  }

 private:
  using Operator = LabelSelector::Operator;

  void advance() { token_ = next_token(text_, at_); }
  bool is_word() const {
    return token_.kind == TokenKind::word || token_.kind == TokenKind::in ||
           token_.kind == TokenKind::not_in;
  }

  static Status error_at(const Token& token, const std::string& what) {
    return Status::error("column " + std::to_string(token.column) + ": " + what);
  }
  Status expected(const std::string& what) const {
    std::string found =
        token_.kind == TokenKind::end ? "the end" : "\"" + std::string(token_.text) + "\"";
    return error_at(token_, "found " + found + ", expected " + what);
  }

  Status parse_requirement(LabelSelector::Requirement& out) {
    bool negated = token_.kind == TokenKind::bang;
    if (negated) advance();
    if (!is_word()) return expected(negated ? "a key" : "a key or \"!\"");
    if (!is_label_key(token_.text))
      return error_at(token_, "\"" + std::string(token_.text) + "\" is not a label's key");
    out.key = token_.text;
    advance();
    out.op = negated ? Operator::not_exists : Operator::exists;
    if (negated || token_.kind == TokenKind::end || token_.kind == TokenKind::comma) return {};

    TokenKind kind = token_.kind;
    switch (kind) {
      case TokenKind::in:
      case TokenKind::equals:
        out.op = Operator::in;
        break;
      case TokenKind::not_in:
      case TokenKind::not_equals:
        out.op = Operator::not_in;
        break;
      case TokenKind::greater:
        out.op = Operator::greater;
        break;
      case TokenKind::less:
        out.op = Operator::less;
        break;
      default:
        return expected("in, notin, =, ==, !=, > or <");
    }
    advance();
    return kind == TokenKind::in || kind == TokenKind::not_in ? parse_values(out)
                                                              : parse_one_value(out);
  }

  Status parse_one_value(LabelSelector::Requirement& out) {
    Token value = token_;
    if (is_word())
      advance();
    else if (token_.kind == TokenKind::end || token_.kind == TokenKind::comma)
      value.text = {};
    else
      return expected("a value");
    if (out.op == Operator::greater || out.op == Operator::less) {
      std::optional<int64_t> bound = parse_integer(value.text);
      if (!bound) return error_at(value, "an integer was expected");
      out.bound = *bound;
    }
    return add_value(value, out);
  }

  Status parse_values(LabelSelector::Requirement& out) {
    if (token_.kind != TokenKind::open) return expected("\"(\"");
    Token open = token_;
    advance();
    if (token_.kind == TokenKind::close) return error_at(open, "no values between the parentheses");
    // Where a value is left out it is "", but for an even number of commas before the end.
    for (;;) {
      Token value = token_;
      if (is_word()) {
        advance();
        Status status = add_value(value, out);
        if (!status.ok()) return status;
        if (token_.kind == TokenKind::close) break;
        if (token_.kind != TokenKind::comma) return expected("\",\" or \")\"");
        continue;
      }
      if (token_.kind != TokenKind::comma) return expected("a value or \",\"");
      advance();
      bool is_last = token_.kind == TokenKind::close;
      if (out.values.empty() || is_last || token_.kind == TokenKind::comma)
        out.values.emplace_back();
      if (is_last) break;
      if (token_.kind == TokenKind::comma) advance();
    }
    advance();
    return {};
  }

  static Status add_value(const Token& value, LabelSelector::Requirement& out) {
    if (!is_label_value(value.text))
      return error_at(value, "\"" + std::string(value.text) + "\" is not a label's value");
    out.values.emplace_back(value.text);
    return {};
  }

  std::string_view text_;
  size_t at_ = 0;
  Token token_;
};

Result<LabelSelector> LabelSelector::parse(std::string_view text) {
  if (text.size() > kTextBytesMax)
    return Status::error("longer than " + std::to_string(kTextBytesMax) + " bytes");
  LabelSelector selector;
  Status status = LabelSelectorParser(text).parse(selector);
  if (!status.ok()) return status;
  return selector;
}

bool LabelSelector::holds(const Requirement& requirement, const Label* labels, size_t count) {
  const Label* end = labels + count;
  const Label* label =
      std::find_if(labels, end, [&](const Label& each) { return each.key == requirement.key; });
  bool has = label != end;
  auto is_value = [&] {
    return std::find(requirement.values.begin(), requirement.values.end(), label->value) !=
           requirement.values.end();
  };
  switch (requirement.op) {
    case Operator::in:
      return has && is_value();
    case Operator::not_in:
      return !has || !is_value();
    case Operator::exists:
      return has;
    case Operator::not_exists:
      return !has;
    case Operator::greater:
    case Operator::less:
      break;
  }
  std::optional<int64_t> value = has ? parse_integer(label->value) : std::nullopt;
  if (!value) return false;
  return requirement.op == Operator::greater ? *value > requirement.bound
                                             : *value < requirement.bound;
}

bool LabelSelector::matches(const Label* labels, size_t count) const {
  return std::all_of(requirements_.begin(), requirements_.end(),
                     [&](const Requirement& each) { return holds(each, labels, count); });
}

}  // namespace kubepulse
