#include "fiber.h"
#include <sys/mman.h>
#ifndef __x86_64__
#include <ucontext.h>
#endif

namespace simt
{
    bool Stacks::ensure(size_t count)
    {
        if (count <= count_) return true;
        count = (count + 255) / 256 * 256;
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
        void* range = mmap(nullptr, count * Each, PROT_READ | PROT_WRITE, flags, -1, 0);
        if (range == MAP_FAILED) return false;
        if (start_) munmap(start_, count_ * Each);
        start_ = static_cast<char*>(range);
        count_ = count;
        // Each guard splits the range, and the system allows some 65,000 ranges; beyond that, stacks have no guards.
        for (size_t i = 0; i < count && i < 16384; ++i) mprotect(start_ + i * Each, 4096, PROT_NONE);
        return true;
    }

#ifdef __x86_64__
    extern "C" void simt_switch_stack(StackPointer* save, StackPointer load);

    asm(R"(
        .pushsection .text
        .globl simt_switch_stack
        .hidden simt_switch_stack
        .type simt_switch_stack, @function
    simt_switch_stack:
        pushq %rbp
        pushq %rbx
        pushq %r12
        pushq %r13
        pushq %r14
        pushq %r15
        movq %rsp, (%rdi)
        movq %rsi, %rsp
        popq %r15
        popq %r14
        popq %r13
        popq %r12
        popq %rbx
        popq %rbp
        ret
        .size simt_switch_stack, .-simt_switch_stack
        .popsection
    )");

    void switch_stack(StackPointer* save, StackPointer load) { simt_switch_stack(save, load); }

    StackPointer prepare_stack(char* top, void (*entry)())
    {
        // The values that the switch pops: six registers, the entry as its return address, and a null as the entry's
        // own.
        auto** slots = reinterpret_cast<void**>(top) - 8;
        for (int i = 0; i < 6; ++i) slots[i] = nullptr;
        slots[6] = reinterpret_cast<void*>(entry);
        slots[7] = nullptr;
        return slots;
    }
#else
    // On other processors, the system's own switch, which is slower because of system calls. The context is on top of
    // the stack.
    void switch_stack(StackPointer* save, StackPointer load)
    {
        ucontext_t here;
        *save = &here;
        swapcontext(&here, static_cast<ucontext_t*>(load));
    }

    StackPointer prepare_stack(char* top, void (*entry)())
    {
        auto* context = reinterpret_cast<ucontext_t*>(top - (sizeof(ucontext_t) + 63) / 64 * 64);
        getcontext(context);
        context->uc_stack.ss_sp = top - Stacks::Each + 4096;
        context->uc_stack.ss_size = static_cast<size_t>(reinterpret_cast<char*>(context) - (top - Stacks::Each + 4096));
        context->uc_link = nullptr;
        makecontext(context, entry, 0);
        return context;
    }
#endif
}
