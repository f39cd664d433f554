"""Rules that take more than a gradient, for tests of all front ends."""

from __future__ import annotations

GUIDED = '''
name = "Guided"
[hyperparameters]
learning_rate = { default = 1.0 }
[inputs]
curvature = { doc = "Second derivatives." }
loss = { shape = "optimizer" }
pull = { optional = true }
[update]
rule = """
step_size = learning_rate*loss
if given(pull):
    grad = grad + pull
change = step_size*grad/(abs(curvature) + 1)
"""
'''
#: Defazio et al., 2024, The Road Less Scheduled, algorithm 1, with y as the parameter.
SCHEDULE_FREE = '''
name = "ScheduleFree"
[hyperparameters]
learning_rate = { default = 0.5 }
beta = { default = 0.9, range = "0 < beta <= 1" }
[state]
z = { initial = "param" }
[evaluate]
param = "(param - (1 - beta)*z)/beta"
[update]
rule = """
x = (param - (1 - beta)*z)/beta
z = z - learning_rate*grad
x = x + (z - x)/step
param = (1 - beta)*z + beta*x
"""
'''
