#include "compiler.h"
#include "assembly.h"
#include "process.h"
#include "source.h"
#include "text.h"
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>

namespace simt
{
    namespace
    {
        constexpr size_t SharedLimit = 48 << 10;

        // Kernels run only a few times: -O2 costs three times as much in compilation as it saves.
        const std::vector<std::string> CommonFlags = {"-std=c++17", "-O1", "-g1", "-fPIC", "-w", "-fvisibility=hidden",
            "-fno-exceptions", "-fno-rtti", "-fno-strict-aliasing", "-fno-gnu-unique", "-fno-threadsafe-statics",
            // Accesses stay as many and as large as written, and rounding is that of the text.
            "-fno-tree-vectorize", "-fno-tree-slp-vectorize", "-fno-tree-loop-distribute-patterns", "-ffp-contract=off",
            "-fno-stack-protector", "-Werror=frame-larger-than=40000"};

        const std::vector<std::string> CheckingFlags = {"-fsanitize=thread", "--param", "tsan-distinguish-volatile=1",
            "--param", "tsan-instrument-func-entry-exit=0",
            "-fsanitize=alignment,bounds,integer-divide-by-zero,signed-integer-overflow",
            "-fno-sanitize-recover=all"};

        std::string environment(const char* name, const std::string& otherwise)
        {
            const char* value = std::getenv(name);
            return value && *value ? value : otherwise;
        }

        std::string own_name()
        {
            Dl_info here;
            return dladdr(reinterpret_cast<void*>(&compile), &here) ? here.dli_fname : "";
        }

        // The folder of this library; the dialect's headers are next to it.
        std::string home()
        {
            std::string path = own_name();
            size_t slash = path.rfind('/');
            return slash == std::string::npos ? "." : path.substr(0, slash);
        }

        bool checks() { return environment("SIMT_CHECK", "1") != "0"; }

        std::vector<std::string> flags()
        {
            std::vector<std::string> all = CommonFlags;
            if (checks())
                all.insert(all.end(), CheckingFlags.begin(), CheckingFlags.end());
#ifdef __x86_64__
            // Otherwise every fmaf is a call.
            if (__builtin_cpu_supports("fma")) all.push_back("-mfma");
#endif
            return all;
        }

        class Hash
        {
        public:
            void add(const std::string& text)
            {
                for (unsigned char c : text) mix(c);
                mix(256);
            }

            std::string text() const
            {
                char digits[33];
                std::snprintf(digits, sizeof digits, "%016llx%016llx", (unsigned long long)a_, (unsigned long long)b_);
                return digits;
            }

        private:
            uint64_t a_ = 0xcbf29ce484222325ull, b_ = 0x9e3779b97f4a7c15ull;

            void mix(unsigned c)
            {
                a_ = (a_ ^ c) * 0x100000001b3ull;
                b_ = (b_ + c) * 0xbf58476d1ce4e5b9ull;
                b_ ^= b_ >> 29;
            }
        };

        // build.sh writes the stamp: it changes with the double's sources and with g++.
        std::string key(const Job& job, const std::vector<std::string>& options)
        {
            Hash hash;
            std::string stamp;
            read_file(home() + "/stamp", stamp);
            hash.add(stamp);
            hash.add(job.source);
            hash.add(job.name);
            for (auto& [name, text] : job.headers) hash.add(name), hash.add(text);
            for (const std::string& define : job.defines) hash.add(define);
            for (const std::string& option : options) hash.add(option);
            hash.add(std::to_string(job.architecture) + " " + std::to_string(version()));
            return hash.text();
        }

        std::string tail(const Source& source)
        {
            std::string text =
                "\n# 1 \"simt-tail\"\nextern \"C\" {\n"
                "extern char __start_simt_shared[] __attribute__((weak, visibility(\"hidden\")));\n"
                "extern char __stop_simt_shared[] __attribute__((weak, visibility(\"hidden\")));\n"
                "__attribute__((visibility(\"default\"))) char* simt_shared_start = __start_simt_shared;\n"
                "__attribute__((visibility(\"default\"))) char* simt_shared_end = __stop_simt_shared;\n}\n";
            for (const KernelText& kernel : source.kernels)
            {
                const std::string &n = kernel.name, sizes = "decltype(simt::sizes_of(&" + n + "))";
                text += "extern \"C\" __attribute__((visibility(\"default\"))) const simt::Kernel simt_kernel_" + n +
                        " = {[](void** arguments) { simt::start(&" + n + ", arguments); }, " + sizes + "::count, " +
                        sizes + "::of, simt::max_threads(" + kernel.bounds + ")};\n";
            }
            return text;
        }

        class Compilation
        {
        public:
            Compilation(const Job& job, std::vector<std::string> options) : job_(job), options_(std::move(options)) {}

            bool run(std::string& image, std::string& log)
            {
                bool good = preprocess() && to_assembly() && to_library(image);
                std::string errors;
                read_file(path("log"), errors);
                log = readable(errors, folder_.path()) + log_;
                return good;
            }

        private:
            const Job& job_;
            std::vector<std::string> options_;
            TemporaryFolder folder_;
            Source source_;
            Assembly assembly_;
            std::string log_;

            std::string path(const std::string& name) const { return folder_.path() + "/" + name; }

            bool gpp(std::vector<std::string> arguments)
            {
                arguments.insert(arguments.begin(), environment("SIMT_CXX", "g++"));
                int code = run_process(arguments, path("log"));
                if (code == -1) log_ += "g++ could not be run\n";
                return code == 0;
            }

            bool preprocess()
            {
                for (auto& [name, text] : job_.headers)
                {
                    if (name.empty() || name[0] == '/' || name.find("..") != std::string::npos) return false;
                    write_file(path("include/" + name), with_unrolling(text));
                }
                write_file(path("k.cpp"), "#line 1 \"" + job_.name + "\"\n" + with_unrolling(job_.source));
                std::vector<std::string> arguments = {"-E", "-std=c++17", "-w", "-nostdinc", "-nostdinc++",
                    "-D__CUDA_ARCH__=" + std::to_string(job_.architecture * 10), "-I" + path("include"),
                    "-ffile-prefix-map=" + path("include/") + "=", "-include", home() + "/dialect/simt.h"};
                if (checks()) arguments.push_back("-DSIMT_CHECKED");
                for (const std::string& define : job_.defines) arguments.push_back(define);
                arguments.insert(arguments.end(), {path("k.cpp"), "-o", path("k.ii")});
                if (!gpp(arguments)) return false;
                std::string text;
                read_file(path("k.ii"), text);
                source_ = translate(text);
                return true;
            }

            bool to_assembly()
            {
                write_file(path("k.ii"), source_.text + tail(source_));
                std::vector<std::string> arguments = options_;
                arguments.insert(
                    arguments.end(), {"-S", "-x", "c++-cpp-output", "-ffile-prefix-map=" + path("include/") + "=",
                                         path("k.ii"), "-o", path("k.s")});
                if (!gpp(arguments)) return false;
                std::string text;
                read_file(path("k.s"), text);
                std::vector<std::string> names;
                for (const KernelText& kernel : source_.kernels) names.push_back(kernel.name);
                assembly_ = arrange(text, names);
                return write_file(path("k.s"), assembly_.text);
            }

            bool to_library(std::string& image)
            {
                // Most of the linker's time would be spent in reading the library of C++.
                if (!gpp({"-shared", "-nostartfiles", "-nodefaultlibs", path("k.s"), "-o", path("k.so"), "-lm", "-lgcc"}))
                    return false;
                std::string elf, description;
                read_file(path("k.so"), elf);
                for (auto& [kernel, variables] : assembly_.shared)
                {
                    description += "kernel " + kernel + "\n";
                    size_t total = 0;
                    for (const SharedVariable& variable : variables)
                    {
                        total += variable.bytes;
                        description += "shared " + kernel + " " + variable.symbol + "\n";
                    }
                    if (total <= SharedLimit) continue;
                    log_ += "error: kernel " + kernel + " uses too much shared memory (" + std::to_string(total) +
                            " bytes, 49152 max)\n";
                    return false;
                }
                image = "SIMT-CUBIN 2 " + std::to_string(job_.architecture) + " " + std::to_string(version()) + " " +
                        std::to_string(description.size()) + " " + std::to_string(elf.size()) + "\n" + description + elf;
                return true;
            }
        };
    }

    int version() { return own_name().find(".so.11") == std::string::npos ? 12040 : 11080; }

    bool compile(const Job& job, std::string& image, std::string& log)
    {
        std::vector<std::string> options = flags();
        std::string cached = environment("SIMT_CACHE", home() + "/cache") + "/" + key(job, options);
        if (read_file(cached, image)) return true;
        bool good = Compilation(job, options).run(image, log);
        // Only a compilation without messages is kept, so that no log is lost.
        if (good && log.empty()) replace_file(cached, image);
        return good;
    }
}
