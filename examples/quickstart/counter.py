from harmonium import Agent, AskFailed, System, child, handles, message, supervisor

@message
class Add:
    number: int

@message
class Total:
    value: int

class Counter(Agent):
    def __init__(self) -> None:
        self.total = 0

    @handles
    def add(self, add: Add) -> Total:
        self.total += 100 // add.number                   # 0 makes it crash
        return Total(self.total)

with System(supervisor("demo", children=[child(Counter, id="counter")])) as system:
    for number in (4, 5, 0, 10):
        try:
            print(number, "->", system.ask("counter", Add(number)).result())
        except AskFailed as error:
            print(number, "->", error)
