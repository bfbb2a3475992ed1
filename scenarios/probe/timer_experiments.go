package probe

var timerExperiments = []*experiment{}
