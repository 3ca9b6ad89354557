#include "check_report.h"

#include <algorithm>

#include "base/text.h"

namespace kubepulse {

namespace {

void append_cell(std::string& out, const std::string& text, size_t width) {
  out += text;
  out.append(text.size() < width ? width - text.size() : 1, ' ');
}

void append_fact(std::string& out, const char* name, const std::string& value) {
  append_cell(out, name, 14);
  out += value + '\n';
}

void append_signal(std::string& out, const Attached& attached) {
  constexpr size_t kSignalWidth = 20, kFlavourWidth = 12;
  append_cell(out, attached.signal, kSignalWidth);
  append_cell(out, attached.flavour.empty() ? "none" : attached.flavour, kFlavourWidth);
  if (attached.refused.empty()) out += "-\n";
  for (size_t i = 0; i < attached.refused.size(); i++) {
    const Refused& refused = attached.refused[i];
    if (i != 0) out.append(kSignalWidth + kFlavourWidth, ' ');
    out += refused.flavour + (refused.flavour.empty() ? "" : ": ") + refused.reason + '\n';
  }
}

// `text` is "null" where it is empty.
void append_member(std::string& out, const char* name, std::string_view text) {
  if (out.back() != '{') out += ',';
  append_json_string(out, name);
  out += ':';
  if (text.empty())
    out += "null";
  else
    append_json_string(out, text);
}

// Each element is appended by `append`.
template <typename List, typename Append>
void append_list(std::string& out, const char* name, const List& list, const Append& append) {
  if (out.back() != '{') out += ',';
  append_json_string(out, name);
  out += ":[";
  bool first = true;
  for (const auto& element : list) {
    if (!first) out += ',';
    first = false;
    append(element);
  }
  out += ']';
}

void append_flavour(std::string& out, const Flavour& flavour) {
  out += '{';
  append_member(out, "flavour", flavour.name);
  append_list(out, "programs", flavour.programs,
              [&out](const char* program) { append_json_string(out, program); });
  out += '}';
}

}  // namespace

std::string CheckReport::table() const {
  std::string out;
  append_fact(out, "kernel", host.release + ' ' + host.machine);
  std::string mode = lockdown_name(host.lockdown);
  bool unknown = host.lockdown == Lockdown::unknown;
  append_fact(out, "lockdown",
              mode + (unknown ? ": the kernel has none, or no securityfs is mounted" : ""));
  append_fact(out, "BTF", host.btf.empty() ? "none" : host.btf);
  append_fact(out, "cgroups",
              cgroups + std::string(cgroup_mounts.empty() ? "" : " ") + cgroup_mounts);
  std::vector<Capability> missing = missing_capabilities(host.capabilities);
  if (missing.empty()) append_fact(out, "capabilities", "none is missing");
  for (const Capability& capability : missing)
    append_fact(out, "capabilities",
                std::string(capability.name) + " is missing: " + capability.purpose);
  if (!profiles.empty()) out += "\nPROFILE             SERIES OF A POD  WITHOUT HISTOGRAMS\n";
  for (const ProfileSeries& each : profiles) {
    append_cell(out, each.profile, 20);
    append_cell(out, std::to_string(each.series.values + each.series.histograms), 17);
    out += std::to_string(each.series.values) + '\n';
  }
  if (outcome.empty()) return out;
  out += "\nSIGNAL              FLAVOUR     REFUSED\n";
  for (const Attached& attached : outcome)
    append_signal(out, attached);
  return out;
}

std::string CheckReport::json() const {
  std::string out = "{";
  append_member(out, "version", version);
  append_member(out, "kernel", host.release);
  append_member(out, "machine", host.machine);
  append_member(out, "lockdown", lockdown_name(host.lockdown));
  append_member(out, "btf", host.btf);
  append_member(out, "cgroups", cgroups);
  append_list(out, "missing_capabilities", missing_capabilities(host.capabilities),
              [&out](const Capability& capability) {
                out += '{';
                append_member(out, "name", capability.name);
                append_member(out, "for", capability.purpose);
                out += '}';
              });
  append_list(out, "profiles", profiles, [&out](const ProfileSeries& each) {
    out += '{';
    append_member(out, "profile", each.profile);
    out += ",\"series\":" + std::to_string(each.series.values + each.series.histograms);
    out += ",\"without_histograms\":" + std::to_string(each.series.values) + '}';
  });
  append_list(out, "signals", outcome, [this, &out](const Attached& attached) {
    out += '{';
    append_member(out, "signal", attached.signal);
    append_member(out, "flavour", attached.flavour);
    append_list(out, "refused", attached.refused, [&out](const Refused& refused) {
      out += '{';
      append_member(out, "flavour", refused.flavour);
      append_member(out, "reason", refused.reason);
      out += '}';
    });
    auto signal = std::find_if(signals.begin(), signals.end(), [&attached](const Signal& known) {
      return attached.signal == known.name;
    });
    if (signal != signals.end())
      append_list(out, "flavours", signal->flavours,
                  [&out](const Flavour& flavour) { append_flavour(out, flavour); });
    out += '}';
  });
  append_member(out, "problem", problem);
  return out + "}\n";
}

}  // namespace kubepulse
