#include "sniff/sniff_options.h"

#include "base/text.h"
#include "client/flags.h"

namespace kubepulse {

namespace {

constexpr uint64_t kBatchMax = 1024;  // as many as a daemon keeps

Problem set_form(SniffOptions& options, std::string_view text) {
  using Form = SniffOptions::Form;
  options.form = text == "json" ? Form::json : text == "prometheus" ? Form::prometheus : Form::text;
  return options.form != Form::text || text == "text" ? "" : "text, json or prometheus";
}

Problem set_origins(SniffOptions& options, Origins origins, std::string_view text) {
  bool only = false;
  Problem problem = set_switch(only, text);
  if (!only) return problem;
  if (options.origins != Origins::all && options.origins != origins)
    return "one of --k8s-only and --ebpf-only";
  options.origins = origins;
  return problem;
}

Problem set_batch_size(SniffOptions& options, std::string_view text) {
  options.batch_size = parse_number(text, kBatchMax).value_or(0);
  return options.batch_size > 0 ? "" : "a number from 1 to 1024";
}

constexpr ClientFlag<SniffOptions> kFlags[] = {
    {{"output", "FORM", "text", "text, json (an object a line) or prometheus; also -o FORM", 'o'},
     set_form},
    {{"k8s-only", nullptr, nullptr, "only what Kubernetes says"},
     [](SniffOptions& o, std::string_view text) {
       return set_origins(o, Origins::kubernetes, text);
     }},
    {{"ebpf-only", nullptr, nullptr, "only what was counted in the kernel"},
     [](SniffOptions& o, std::string_view text) { return set_origins(o, Origins::kernel, text); }},
    {{"batch-size", "N", "1", "write so many at a time; fewer wait for one more look, 1 to 1024"},
     set_batch_size},
    {{"once", nullptr, nullptr, "print what holds now and end"},
     [](SniffOptions& o, std::string_view text) { return set_switch(o.once, text); }},
    {{"url", "URL", nullptr,
      "the daemon: http://HOST:PORT, HOST:PORT or unix:/path; without it that of\n"
      "127.0.0.1:9090, else a daemon is started and ended with it"},
     [](SniffOptions& o, std::string_view text) { return set_page_url(o.url, text); }},
    {{"help", nullptr, nullptr, "show this and end; also -h", 'h'},
     [](SniffOptions& o, std::string_view text) { return set_switch(o.help, text); }},
};

}  // namespace

Result<SniffOptions> parse_sniff_options(int argc, const char* const* argv) {
  return parse_flags("sniff", kFlags, argc, argv);
}

std::string sniff_usage() {
  return "usage: kubepulse sniff [FLAG...]\n"
         "Prints the insights of a node as they come: what goes wrong or is about to, how it is "
         "known,\nand what to do about it. Nothing is ever executed.\n\n" +
         flags_usage(texts_of(kFlags)) +
         "\nExit status: 0 ended as told, 1 no daemon could be asked or started, or it tells no\n"
         "insights, 2 a flag or a value is wrong. See also kubepulse(8).\n";
}

}  // namespace kubepulse
