// libnvrtc for the PTX front end: forwards every call to NVIDIA's own library and returns its PTX in place of machine
// code. The PTX of sm_90 and compute_90 is the same; for compute_90 the library makes no machine code.
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>
#include <string>
#include <vector>

#define NVRTC_API extern "C" __attribute__((visibility("default")))

namespace
{
    constexpr int InternalError = 11;

    std::atomic<long long> live;

    // A test's damage to the sources: each occurrence of the first text becomes the second.
    std::string damaged, damage;
    int damages;

    std::string with_damage(std::string text)
    {
        for (size_t at = 0; !damaged.empty() && (at = text.find(damaged, at)) != std::string::npos; at += damage.size())
        {
            text.replace(at, damaged.size(), damage);
            ++damages;
        }
        return text;
    }

    std::string environment(const char* name)
    {
        const char* value = std::getenv(name);
        return value ? value : "";
    }

    // The folder into which ./build.sh nvrtc downloads it.
    std::string cache()
    {
        std::string caches = environment("XDG_CACHE_HOME");
        return (caches.empty() ? environment("HOME") + "/.cache" : caches) + "/engine/nvrtc";
    }

    // Loads the builtins too, because the library does not look for them in its own folder.
    void* open_in(const std::string& folder)
    {
        std::error_code error;
        std::vector<std::string> found[2];
        for (auto& file : std::filesystem::directory_iterator(folder, error))
        {
            std::string name = file.path().filename();
            if (name.rfind("libnvrtc-builtins.so", 0) == 0) found[0].push_back(file.path());
            if (name.rfind("libnvrtc.so", 0) == 0) found[1].push_back(file.path());
        }
        for (const std::string& path : found[0]) dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
        for (const std::string& path : found[1])
            if (void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
        return nullptr;
    }

    // SIMT_NVRTC names the folder; without it the usual places are searched.
    void* open_real()
    {
        if (std::string folder = environment("SIMT_NVRTC"); !folder.empty()) return open_in(folder);
        for (const std::string& folder : {cache(), std::string("/usr/local/cuda/lib64")})
            if (void* library = open_in(folder)) return library;
        for (const char* name : {"libnvrtc.so.13", "libnvrtc.so.12"})
            if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
        return nullptr;
    }

    void* real()
    {
        static void* library = open_real();
        return library;
    }

    template <class... A> int call(const char* name, A... arguments)
    {
        auto* function = real() ? reinterpret_cast<int (*)(A...)>(dlsym(real(), name)) : nullptr;
        return function ? function(arguments...) : InternalError;
    }
}

NVRTC_API int nvrtcVersion(int* major, int* minor) { return call("nvrtcVersion", major, minor); }

NVRTC_API int nvrtcCreateProgram(void** result, const char* source, const char* name, int header_count,
    const char* const* headers, const char* const* include_names)
{
    std::string text = with_damage(source);
    int code = call("nvrtcCreateProgram", result, text.c_str(), name, header_count, headers, include_names);
    if (!code) ++live;
    return code;
}

NVRTC_API int nvrtcDestroyProgram(void** program)
{
    int code = call("nvrtcDestroyProgram", program);
    if (!code) --live;
    return code;
}

NVRTC_API int nvrtcCompileProgram(void* program, int count, const char* const* options)
{
    std::vector<std::string> texts(options, options + count);
    std::vector<const char*> changed;
    for (std::string& text : texts)
    {
        size_t at = text.find("=sm_");
        if (at != std::string::npos) text.replace(at, 4, "=compute_");
        changed.push_back(text.c_str());
    }
    return call("nvrtcCompileProgram", program, count, const_cast<const char* const*>(changed.data()));
}

NVRTC_API int nvrtcGetPTXSize(void* program, size_t* bytes) { return call("nvrtcGetPTXSize", program, bytes); }
NVRTC_API int nvrtcGetPTX(void* program, char* image) { return call("nvrtcGetPTX", program, image); }
NVRTC_API int nvrtcGetCUBINSize(void* program, size_t* bytes) { return nvrtcGetPTXSize(program, bytes); }
NVRTC_API int nvrtcGetCUBIN(void* program, char* image) { return nvrtcGetPTX(program, image); }

NVRTC_API int nvrtcGetProgramLogSize(void* program, size_t* bytes)
{
    return call("nvrtcGetProgramLogSize", program, bytes);
}

NVRTC_API int nvrtcGetProgramLog(void* program, char* log) { return call("nvrtcGetProgramLog", program, log); }
NVRTC_API int nvrtcGetNumSupportedArchs(int* count) { return call("nvrtcGetNumSupportedArchs", count); }
NVRTC_API int nvrtcGetSupportedArchs(int* all) { return call("nvrtcGetSupportedArchs", all); }

NVRTC_API const char* nvrtcGetErrorString(int code)
{
    if (!real()) return "there is no NVRTC that could be handed the text (SIMT_NVRTC names its folder)";
    auto* function = reinterpret_cast<const char* (*)(int)>(dlsym(real(), "nvrtcGetErrorString"));
    return function ? function(code) : "NVRTC says no more";
}

// Damages all sources from now on before they are compiled; an empty text ends that. Returns how many places were
// damaged before.
NVRTC_API int simt_damage(const char* from, const char* to)
{
    int before = damages;
    damaged = from;
    damage = to;
    damages = 0;
    return before;
}

NVRTC_API long long simt_live_programs() { return live; }
