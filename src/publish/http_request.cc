#include "publish/http_request.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace kubepulse {

namespace {

constexpr int kNotNamed = -1;
constexpr int kWeightMax = 1000;  // weights ("q=0.5") are counted in thousandths

// What the header fields say, as far as it matters here.
struct Fields {
  int hosts = 0;
  std::optional<std::string_view> content_length;
  bool transfer_encoding = false;
  bool close = false;
  bool keep_alive = false;

  // Accept-Encoding and Accept: the highest weight given to each.
  int gzip = kNotNamed;
  int identity = kNotNamed;
  int any_coding = kNotNamed;
  int openmetrics = kNotNamed;
  int plain = kNotNamed;
  int any_text = kNotNamed;
  int any_type = kNotNamed;
};

// One element of a list with weights: `text/plain;version=0.0.4;q=0.5`.
struct Weighted {
  std::string_view name;
  std::string_view version;
  int weight = kWeightMax;
};

bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}
bool is_alnum(char byte) {
  return is_digit(byte) || (ascii_lower(byte) >= 'a' && ascii_lower(byte) <= 'z');
}

bool all_in(std::string_view text, std::string_view beside_alnum) {
  return std::all_of(text.begin(), text.end(), [beside_alnum](char byte) {
    return is_alnum(byte) || beside_alnum.find(byte) != std::string_view::npos;
  });
}

// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
  return !text.empty() && all_in(text, "!#$%&'*+-.^_`|~");
}

// RFC 9110 section 12.4.2. More than three digits are read to the third; what is no weight is 0.
int parse_weight(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return 0;
  int weight = (text[0] - '0') * kWeightMax;
  text.remove_prefix(1);
  if (text.empty()) return weight;
  if (text[0] != '.' || !std::all_of(text.begin() + 1, text.end(), is_digit)) return 0;
  int unit = kWeightMax / 10;
  for (char digit : text.substr(1)) {
    weight += (digit - '0') * unit;
    unit /= 10;
  }
  return std::min(weight, kWeightMax);
}

Weighted parse_weighted(std::string_view element) {
  Weighted weighted;
  weighted.name = trim_blanks(next_piece(element, ';'));
  while (!element.empty()) {
    std::string_view value = next_piece(element, ';');
    std::string_view name = trim_blanks(next_piece(value, '='));
    if (is_same_but_case(name, "q")) weighted.weight = parse_weight(trim_blanks(value));
    if (is_same_but_case(name, "version")) weighted.version = trim_blanks(value);
  }
  return weighted;
}

void note(int& highest, int weight) {
  highest = std::max(highest, weight);
}

void read_accept_encoding(std::string_view value, Fields& fields) {
  while (!value.empty()) {
    Weighted coding = parse_weighted(next_piece(value, ','));
    if (is_same_but_case(coding.name, "gzip") || is_same_but_case(coding.name, "x-gzip"))
      note(fields.gzip, coding.weight);
    else if (is_same_but_case(coding.name, "identity"))
      note(fields.identity, coding.weight);
    else if (coding.name == "*")
      note(fields.any_coding, coding.weight);
  }
}

void read_accept(std::string_view value, Fields& fields) {
  while (!value.empty()) {
    Weighted type = parse_weighted(next_piece(value, ','));
    if (is_same_but_case(type.name, "application/openmetrics-text")) {
      if (type.version.empty() || type.version == "1.0.0") note(fields.openmetrics, type.weight);
    } else if (is_same_but_case(type.name, "text/plain")) {
      note(fields.plain, type.weight);
    } else if (is_same_but_case(type.name, "text/*")) {
      note(fields.any_text, type.weight);
    } else if (type.name == "*/*") {
      note(fields.any_type, type.weight);
    }
  }
}

// The first weight that was given: the most specific name comes first (RFC 9110 section 12.5.1).
int first_named(std::initializer_list<int> weights) {
  for (int weight : weights)
    if (weight != kNotNamed) return weight;
  return 0;
}

// RFC 9112 section 5. False where malformed: no colon, white space before it, a folded line.
bool read_field(std::string_view line, Fields& fields) {
  size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  std::string_view name = line.substr(0, colon), value = trim_blanks(line.substr(colon + 1));
  if (!is_token(name)) return false;

  if (is_same_but_case(name, "host")) {
    fields.hosts++;
    return all_in(value, "-._~!$&'()*+,;=:[]%");
  }
  if (is_same_but_case(name, "content-length")) {
    if (value.empty() || !std::all_of(value.begin(), value.end(), is_digit)) return false;
    if (fields.content_length && *fields.content_length != value) return false;
    fields.content_length = value;
  } else if (is_same_but_case(name, "transfer-encoding")) {
    fields.transfer_encoding = true;
  } else if (is_same_but_case(name, "connection")) {
    while (!value.empty()) {
      std::string_view option = trim_blanks(next_piece(value, ','));
      if (is_same_but_case(option, "close")) fields.close = true;
      if (is_same_but_case(option, "keep-alive")) fields.keep_alive = true;
    }
  } else if (is_same_but_case(name, "accept-encoding")) {
    read_accept_encoding(value, fields);
  } else if (is_same_but_case(name, "accept")) {
    read_accept(value, fields);
  }
  return true;
}

// RFC 9112 section 3.2: origin-form and absolute-form, and asterisk-form for OPTIONS.
bool read_target(std::string_view target, HttpRequest& request) {
  bool visible = std::all_of(target.begin(), target.end(),
                             [](char byte) { return byte > ' ' && byte < '\x7F' && byte != '#'; });
  if (!visible) return false;
  constexpr std::string_view kScheme = "http://";
  if (is_same_but_case(target.substr(0, kScheme.size()), kScheme)) {
    target.remove_prefix(kScheme.size());
    size_t authority = std::min(target.find_first_of("/?"), target.size());
    if (authority == 0) return false;
    target.remove_prefix(authority);
    request.path = next_piece(target, '?');
    if (request.path.empty()) request.path = "/";
  } else {
    request.path = next_piece(target, '?');
    bool asterisk = request.path == "*" && request.method == "OPTIONS";
    if (!asterisk && (request.path.empty() || request.path[0] != '/')) return false;
  }
  request.query = target;
  return true;
}

// RFC 9112 section 3: METHOD SP TARGET SP VERSION, with single spaces.
bool read_request_line(std::string_view line, HttpRequest& request) {
  HttpRequest read;
  read.method = next_piece(line, ' ');
  std::string_view target = next_piece(line, ' ');
  if (!is_token(read.method) || !read_target(target, read)) return false;
  if (line != "HTTP/1.1" && line != "HTTP/1.0") return false;
  read.minor_version = line.back() - '0';
  request = read;
  return true;
}

enum class Line { kWhole, kPartial, kMalformed };

// Takes one line off `rest`, without its CRLF or its LF (RFC 9112 section 2.2).
Line take_line(std::string_view& rest, std::string_view& line) {
  size_t end = rest.find('\n');
  line = rest.substr(0, end);
  // Of a partial line too: this CR may become a line end with the next byte.
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  bool controls = std::any_of(line.begin(), line.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) < ' ' && byte != '\t') || byte == '\x7F';
  });
  if (controls) return Line::kMalformed;
  if (end == std::string_view::npos) return Line::kPartial;
  rest.remove_prefix(end + 1);
  return Line::kWhole;
}

HttpParse refuse(int status, std::string_view method) {
  HttpParse parse;
  parse.kind = HttpParse::Kind::kRefused;
  parse.status = status;
  parse.request.method = method;
  return parse;
}

HttpParse conclude(HttpRequest request, const Fields& fields, size_t consumed) {
  if (fields.hosts > 1 || (fields.hosts == 0 && request.minor_version >= 1))
    return refuse(400, request.method);
  bool has_length = fields.content_length &&
                    fields.content_length->find_first_not_of('0') != std::string_view::npos;
  if (has_length || fields.transfer_encoding) return refuse(413, request.method);

  request.keep_alive = !fields.close && (request.minor_version >= 1 || fields.keep_alive);
  int gzip = first_named({fields.gzip, fields.any_coding});
  request.accepts_gzip = gzip > 0 && gzip >= first_named({fields.identity, fields.any_coding});
  int openmetrics = first_named({fields.openmetrics});
  int plain = first_named({fields.plain, fields.any_text, fields.any_type});
  request.accepts_openmetrics = openmetrics > 0 && openmetrics >= plain;

  HttpParse parse;
  parse.kind = HttpParse::Kind::kComplete;
  parse.consumed = consumed;
  parse.request = request;
  return parse;
}

}  // namespace

HttpParse parse_http_request(std::string_view bytes) {
  std::string_view head = bytes.substr(0, kHttpHeadBytesMax), rest = head, line;
  HttpRequest request;
  Fields fields;
  // Errors are found strictly in the order of the bytes, so that no later byte changes the answer.
  for (bool in_fields = false;;) {
    Line taken = take_line(rest, line);
    if (taken == Line::kMalformed) return refuse(400, request.method);
    if (taken == Line::kPartial)
      return head.size() < kHttpHeadBytesMax ? HttpParse{} : refuse(431, request.method);
    if (line.empty()) {
      if (in_fields) return conclude(request, fields, head.size() - rest.size());
      continue;  // empty lines before a request are let pass
    }
    if (!(in_fields ? read_field(line, fields) : read_request_line(line, request)))
      return refuse(400, request.method);
    in_fields = true;
  }
}

}  // namespace kubepulse
