"""Alarms of the embedded CloudWatch: moto keeps them and never looks at a metric.

    evaluating   datapoints and a condition to a state: pure
    rules        the rule of a composite alarm and the states of others to yes or no: pure
    evaluator    looks at every alarm again and again, and changes it where its metric says so
    events       what EventBridge is told of a change

Expressions, several metrics and expected bands are not evaluated: such an alarm stays as it is set.
"""
