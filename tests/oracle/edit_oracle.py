"""Edit distance from its definition, by plain recursion; shares nothing with the product."""


def edit_distance(x, y):
    if not x or not y:
        return len(x) + len(y)
    if x[0] == y[0]:
        return edit_distance(x[1:], y[1:])
    return 1 + min(edit_distance(x[1:], y[1:]), edit_distance(x[1:], y), edit_distance(x, y[1:]))
