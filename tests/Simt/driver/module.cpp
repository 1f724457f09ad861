#include "module.h"
#include "api.h"
#include "report.h"
#include "settings.h"
#include "../ptx/ptx.h"
#include <algorithm>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <memory>
#include <sstream>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace simt
{
    namespace
    {
        constexpr char Magic[] = "SIMT-CUBIN 2 ";

        // The library as an unnamed file that lasts as long as this object.
        class Unnamed
        {
        public:
            explicit Unnamed(const std::string& bytes) : file_(memfd_create("cubin", MFD_CLOEXEC))
            {
                for (size_t done = 0; file_ >= 0 && done < bytes.size();)
                {
                    ssize_t n = write(file_, bytes.data() + done, bytes.size() - done);
                    if (n <= 0) break;
                    done += size_t(n);
                }
            }
            ~Unnamed()
            {
                if (file_ >= 0) close(file_);
            }
            Unnamed(const Unnamed&) = delete;
            std::string path() const { return format("/proc/%d/fd/%d", getpid(), file_); }

            // Gives the open file away. The loader treats two libraries with one path as the same, and a path is free
            // again as soon as its file is closed. So the file of a module must stay open while it is loaded.
            int release() { return std::exchange(file_, -1); }

        private:
            int file_;
        };

        // Local symbols too, which dlsym does not find, for example static shared variables.
        void read_symbols(Module& module)
        {
            auto* elf = module.elf.data();
            auto& header = *reinterpret_cast<const Elf64_Ehdr*>(elf);
            auto* sections = reinterpret_cast<const Elf64_Shdr*>(elf + header.e_shoff);
            for (int s = 0; s < header.e_shnum; ++s)
            {
                if (sections[s].sh_type != SHT_SYMTAB) continue;
                const char* names = elf + sections[sections[s].sh_link].sh_offset;
                auto* symbols = reinterpret_cast<const Elf64_Sym*>(elf + sections[s].sh_offset);
                for (size_t i = 0; i < sections[s].sh_size / sizeof *symbols; ++i)
                {
                    if (ELF64_ST_TYPE(symbols[i].st_info) != STT_OBJECT || symbols[i].st_shndx == SHN_UNDEF) continue;
                    const char* name = names + symbols[i].st_name;
                    module.symbols[name] = {name, module.start + symbols[i].st_value, symbols[i].st_size};
                }
            }
            auto* programs = reinterpret_cast<const Elf64_Phdr*>(elf + header.e_phoff);
            for (int p = 0; p < header.e_phnum; ++p)
                if (programs[p].p_type == PT_LOAD)
                    module.size = std::max<uintptr_t>(module.size, programs[p].p_vaddr + programs[p].p_memsz);
        }

        // Lines of the image's description: "kernel NAME" and "shared KERNEL SYMBOL".
        void read_description(Module& module, const std::string& text)
        {
            std::istringstream lines(text);
            std::string word, kernel, symbol;
            while (lines >> word >> kernel)
            {
                if (word == "kernel")
                {
                    auto* k = static_cast<const Kernel*>(dlsym(module.library, ("simt_kernel_" + kernel).c_str()));
                    if (k) module.functions[kernel] = {kernel, &module, k, {}, 0, 48 << 10, nullptr};
                    continue;
                }
                lines >> symbol;
                auto function = module.functions.find(kernel);
                auto found = module.symbols.find(symbol);
                if (function == module.functions.end() || found == module.symbols.end()) continue;
                function->second.shared.push_back(found->second);
                function->second.shared_bytes += (found->second.size + 15) / 16 * 16;
            }
        }
    }

    Module::~Module()
    {
        if (library) dlclose(library);
        if (file >= 0) close(file);
    }

    int load_module(const void* image, Module*& result)
    {
        auto* bytes = static_cast<const char*>(image);
        if (ptx::is_ptx(bytes))
        {
            auto module = std::make_unique<Module>();
            // The PTX is that of NVRTC 12, which drivers of CUDA 11 refuse.
            if (setting_number("SIMT_DRIVER_VERSION", 12040) < 12000) return UnsupportedPtxVersion;
            if (int code = ptx::load(bytes, *module)) return code;
            result = module.release();
            return Success;
        }
        if (std::strncmp(bytes, Magic, sizeof Magic - 1) != 0) return InvalidImage;
        size_t text = 0, elf = 0;
        int architecture = 0, version = 0, header = 0;
        if (std::sscanf(bytes + sizeof Magic - 1, "%d %d %zu %zu\n%n", &architecture, &version, &text, &elf, &header) != 4)
            return InvalidImage;
        // A driver accepts the code of a compiler with the same major version or an earlier one.
        if (version / 1000 > setting_number("SIMT_DRIVER_VERSION", 12040) / 1000) return UnsupportedPtxVersion;
        if (architecture > setting_number("SIMT_ARCH", 90)) return NoBinaryForGpu;
        const char* body = bytes + sizeof Magic - 1 + header;

        auto module = std::make_unique<Module>();
        module->elf.assign(body + text, elf);
        Unnamed file(module->elf);
        module->library = dlopen(file.path().c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!module->library)
        {
            report(std::string("a module could not be loaded: ") + dlerror());
            return InvalidImage;
        }
        module->file = file.release();
        link_map* map = nullptr;
        dlinfo(module->library, RTLD_DI_LINKMAP, &map);
        module->start = map->l_addr;
        read_symbols(*module);
        if (auto* start = static_cast<char*>(dlsym(module->library, "simt_shared_start")))
        {
            auto* end = *reinterpret_cast<char**>(dlsym(module->library, "simt_shared_end"));
            module->shared_start = reinterpret_cast<uintptr_t>(*reinterpret_cast<char**>(start)) & ~uintptr_t(3);
            module->shared_size = reinterpret_cast<uintptr_t>(end) - module->shared_start;
        }
        read_description(*module, std::string(body, text));
        result = module.release();
        return Success;
    }

    std::string describe_place(uintptr_t address)
    {
        if (!running || address - running->module->start >= running->module->size) return "an unknown line";
        Unnamed file(running->module->elf);
        // The address is the return address of the call; the byte before it belongs to the call.
        std::string command = format("addr2line -i -e %s 0x%lx 2>/dev/null", file.path().c_str(),
            static_cast<unsigned long>(address - 1 - running->module->start));
        std::string place = "an unknown line";
        FILE* output = popen(command.c_str(), "r");
        if (!output) return place;
        // Innermost first; the caller is of more interest than functions that the dialect inlines (an __ldg, an
        // atomic).
        char line[1024];
        bool found = false;
        while (std::fgets(line, sizeof line, output))
        {
            std::string text = line;
            text.resize(text.find_first_of(" \n") == std::string::npos ? text.size() : text.find_first_of(" \n"));
            if (found || text.find("/dialect/") != std::string::npos || text.find('?') != std::string::npos) continue;
            // g++ records its working folder, which means nothing for a text that was passed in memory.
            place = text.substr(text.rfind('/') + 1);
            found = true;
        }
        pclose(output);
        return place;
    }
}
