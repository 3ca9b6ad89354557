// The public suffix list (https://publicsuffix.org/list/): where a name stops being a registry's
// and starts being somebody's. The list is built in: PUBLIC_SUFFIX_FILE, as of the build.
#ifndef KUBEPULSE_IDENTITY_PUBLIC_SUFFIX_H
#define KUBEPULSE_IDENTITY_PUBLIC_SUFFIX_H

#include <string_view>

namespace kubepulse {

// Names are in lower case, IDN labels in punycode, without a dot at the end.

// The end of `name` that is its public suffix and one label more: "example.co.uk" of
// "www.example.co.uk". The whole name where it is a public suffix itself or a single label. Rules
// of both sections of the list count, as do "*.kobe.jp" and "!city.kobe.jp"; a name that no rule
// matches has its last label as its suffix.
std::string_view registrable_domain(std::string_view name);

// A rule of the list makes `name` a public suffix: true of "com" and "c.kobe.jp", false of
// "kobe.jp", "city.kobe.jp" and "internal". False of "mm" too: the list says "*.mm" and only that.
bool is_listed_suffix(std::string_view name);

}  // namespace kubepulse

#endif
