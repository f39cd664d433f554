"""Loops are found in assembly, and what they do is told."""

from __future__ import annotations

from tests.performance.flow import blocks
from tests.performance.loops import Loop, hot_loop

#: Over rows, four by four with a branch in the middle that is laid out before the entry, and one
#: by one for what is left.
NESTED = """
	.type	work,@function
work:
	xorl	%ebx, %ebx
.LBB0_1:
	movq	(%rdi,%rbx,8), %rcx
	xorl	%eax, %eax
	jmp	.LBB0_3
	.p2align	4
.LBB0_2:
	vmovups	%ymm0, (%rcx,%rax,4)
	vmovups	%ymm1, 32(%rcx,%rax,4)
	addq	$16, %rax
	cmpq	%rax, %rdx
	je	.LBB0_4
.LBB0_3:
	vmulps	(%rsi,%rax,4), %ymm2, %ymm0
	vmulps	32(%rsi,%rax,4), %ymm2, %ymm1
	vaddps	64(%rsp), %ymm0, %ymm0	# a spilled register
	vucomisd	%xmm7, %xmm8
	jne	.LBB0_2
	vaddps	.LCPI0_0(%rip), %ymm1, %ymm1
	jmp	.LBB0_2
.LBB0_4:
	vmulss	(%rsi,%rax,4), %xmm2, %xmm0
	vmovss	%xmm0, (%rcx,%rax,4)
	incq	%rax
	cmpq	%rax, %r8
	jne	.LBB0_4
	incq	%rbx
	cmpq	%rbx, %r9
	jne	.LBB0_1
	retq
"""


def test_blocks_end_at_branches_and_labels() -> None:
    found, arrows = blocks(NESTED)
    assert [block[0].split()[0] for block in found if block] == [
        *("xorl", "movq", "vmovups", "vmulps", "vaddps", "vmulss", "incq", "retq")
    ]
    assert (1, 3) in arrows  # Entered in the middle,
    assert (1, 2) not in arrows  # after a jump that is always taken.
    assert (5, 5) in arrows


def test_the_hot_loop_is_the_widest_of_the_innermost() -> None:
    loop = hot_loop(NESTED)
    assert loop is not None
    assert len(loop.lines) == 12
    assert (loop.lanes, loop.step, loop.loads, loop.stores) == (8, 16, 1, 1)
    assert loop.spills == 2
    assert not loop.calls
    assert not loop.doubles


def loop_of(*lines: str) -> Loop:
    return Loop((*lines, "addq $4, %rax", "jne .L"))


def test_float64_is_told_from_moves_and_integers() -> None:
    arithmetic = [f"{name} %xmm0, %xmm1, %xmm1" for name in ("vmulsd", "vcvtss2sd", "vfmadd213pd")]
    others = [f"{name} %xmm0, %xmm1, %xmm1" for name in ("vmovapd", "vpaddd", "vpmaxsd", "vmulss")]
    assert loop_of(*arithmetic, *others).doubles == arithmetic


def test_a_counter_may_run_in_bytes_and_backwards() -> None:
    lines = ("vmovups (%rax), %ymm0", "vmovups 32(%rax), %ymm1", "subq $-64, %rax")
    assert Loop(lines).step == 16
    assert Loop((*lines[:2], "subq $64, %rax")).step == 16
    assert Loop((*lines, "vmovups (%rcx,%rax), %ymm2")).loads == 1.5


def test_elements_that_become_float64_are_loaded_once() -> None:
    loop = loop_of("vcvtps2pd (%rdi,%rax,4), %ymm0")
    assert (loop.lanes, loop.loads, loop.stores) == (4, 1, 0)


def test_addresses_that_are_only_computed_are_no_accesses() -> None:
    loop = loop_of("leaq (%rdi,%rax,4), %rcx", "vmovss (%rdi,%rax,4), %xmm0")
    assert (len(loop.accesses), loop.spills) == (1, 0)


def test_what_moves_out_of_step_is_not_over_elements() -> None:
    assert not loop_of("movq (%rdi,%rax,8), %rcx", "vmovss (%rcx,%rax,4), %xmm0").is_over_elements
    assert not loop_of("movq (%rdi), %rcx").is_over_elements
